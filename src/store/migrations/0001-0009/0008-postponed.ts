import { type Kysely, type Migration, sql } from "kysely";

/** How often a stage of the row waited for a provider's limit: not a failure, but bounded. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table tasks add column postponed int not null default 0`.execute(db);
  await sql`alter table subtasks add column postponed int not null default 0`.execute(db);
}

export const postponedMigration: Migration = { up };
