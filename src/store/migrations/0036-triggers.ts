import { type Kysely, type Migration, sql } from "kysely";

/** Schedules: when each fires next. What each rule started, and the breakers that opened. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table schedules (
    rule text primary key,
    cron text not null,
    tz text not null,
    next_at timestamptz,
    paused_at timestamptz,
    last_slot timestamptz)`.execute(db);
  await sql`alter table inbox add column rule text, add column repository text,
    add column wanted_at timestamptz, add column admitted_at timestamptz`.execute(db);
  await sql`create index inbox_rule on inbox (rule, wanted_at) where rule is not null`.execute(db);
  await sql`create index inbox_task on inbox (task_id) where task_id is not null`.execute(db);
  await sql`create table chains (
    rule text primary key,
    since timestamptz not null default now())`.execute(db);
  await sql`create table breakers (
    id bigint generated always as identity primary key,
    rule text not null,
    repository text not null,
    reason text not null,
    opened_at timestamptz not null default now(),
    swept_at timestamptz,
    closed_at timestamptz)`.execute(db);
  await sql`create unique index breakers_open on breakers (rule, repository)
    where closed_at is null`.execute(db);
}

export const triggersMigration: Migration = { up };
