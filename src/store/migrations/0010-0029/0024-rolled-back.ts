import { type Kysely, type Migration, sql } from "kysely";

/** When a person had the delivered work undone. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table tasks add column rolled_back_at timestamptz`.execute(db);
}

export const rolledBackMigration: Migration = { up };
