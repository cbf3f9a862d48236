import { type Kysely, type Migration, sql } from "kysely";

/** The answers that an agent offers, decisions that are being carried out, who speaks in a message, and what screens show. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table questions add column choices jsonb not null default '[]'`.execute(db);
  await sql`alter table messages add column voice text not null default 'person'`.execute(db);
  await sql`create table decisions (
    task_id text primary key,
    verb text not null check (verb in ('accept', 'discard')),
    by text,
    ask_id text,
    process_id text not null,
    started_at timestamptz not null default now())`.execute(db);
  await sql`create table cards (
    channel text not null,
    card text not null,
    event_id text not null,
    task_id text not null,
    message text,
    title text not null,
    shown_at timestamptz not null default now(),
    closed_at timestamptz,
    attempts int not null default 0,
    next_at timestamptz not null default now(),
    primary key (channel, card))`.execute(db);
  await sql`create index open_cards on cards (next_at) where closed_at is null`.execute(db);
  await sql`create table poll_leases (
    name text primary key,
    process_id text not null,
    until timestamptz not null)`.execute(db);
}

export const answersMigration: Migration = { up };
