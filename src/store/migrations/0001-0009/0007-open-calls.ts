import { type Kysely, type Migration, sql } from "kysely";

/**
 * A planner or reviewer has no attempt that could remember its session, so the session itself
 * records what was asked until that request ends.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sessions add column asked text`.execute(db);
}

export const openCallsMigration: Migration = { up };
