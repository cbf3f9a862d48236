import { type Kysely, type Migration, sql } from "kysely";

/** When a task's logs, events, transcripts and snapshots were removed; null: not yet. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table tasks add column pruned_at timestamptz`.execute(db);
}

export const retentionMigration: Migration = { up };
