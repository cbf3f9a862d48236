import { type Kysely, type Migration, sql } from "kysely";

/** How often a stage of it waited for a limit of a provider to end: no failure, but not without a limit. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table tasks add column postponed int not null default 0`.execute(db);
  await sql`alter table subtasks add column postponed int not null default 0`.execute(db);
}

export const postponedMigration: Migration = { up };
