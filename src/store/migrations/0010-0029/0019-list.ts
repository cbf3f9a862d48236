import { type Kysely, type Migration, sql } from "kysely";

/** Lists of tasks in a state, newest first, whatever the backlog. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index tasks_by_state on tasks (state, created_at desc, id desc)`.execute(db);
}

export const listMigration: Migration = { up };
