import { type Kysely, type Migration, sql } from "kysely";

/** What the executor of a finished attempt reported, until that is applied. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table attempts add column report jsonb`.execute(db);
  await sql`create index attempts_reported on attempts (subtask_id) where report is not null`.execute(
    db,
  );
}

export const reportsMigration: Migration = { up };
