import { type Kysely, type Migration, sql } from "kysely";

/** Schedules: when each fires next. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table schedules (
    rule text primary key,
    cron text not null,
    tz text not null,
    next_at timestamptz,
    paused_at timestamptz,
    last_slot timestamptz)`.execute(db);
}

export const triggersMigration: Migration = { up };
