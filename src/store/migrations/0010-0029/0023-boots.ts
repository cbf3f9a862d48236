import { type Kysely, type Migration, sql } from "kysely";

/** How a process ended, and whether it got anything done: what tells a crash loop from crashes. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table processes
    add column ended_cleanly boolean not null default false,
    -- When it first finished a stage.
    add column progressed_at timestamptz`.execute(db);
  // Of earlier ones it is not known: none of them counts as a crash.
  await sql`update processes set ended_cleanly = true`.execute(db);
}

export const bootsMigration: Migration = { up };
