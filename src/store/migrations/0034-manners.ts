import { type Kysely, type Migration, sql } from "kysely";

/** Pushes that wait, for quiet hours or because a person put the task off. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table notifications
    add column held_from timestamptz, add column held_until timestamptz`.execute(db);
  await sql`create index notifications_of_task on notifications (task_id, channel)
    where task_id <> ''`.execute(db);
  await sql`create table snoozes (
    task_id text primary key,
    until timestamptz not null,
    created_at timestamptz not null default now())`.execute(db);
}

export const mannersMigration: Migration = { up };
