import { type Kysely, type Migration, sql } from "kysely";

/**
 * Whoever is asked about a task or its work (a planner, a reviewer) is no attempt that could remember
 * its session: the session itself says what was asked in it, until that came to an end.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sessions add column asked text`.execute(db);
}

export const openCallsMigration: Migration = { up };
