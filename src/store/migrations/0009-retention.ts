import { type Kysely, type Migration, sql } from "kysely";

/** When logs, events, transcripts and snapshots of a task were removed; null: they are there. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table tasks add column pruned_at timestamptz`.execute(db);
}

export const retentionMigration: Migration = { up };
