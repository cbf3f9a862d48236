import { type Kysely, type Migration, sql } from "kysely";

/** Tasks that start from a checkout with what is not committed there. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table tasks add column include_uncommitted boolean not null default false`.execute(db);
}

export const uncommittedMigration: Migration = { up };
