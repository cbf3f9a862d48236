import { type Kysely, type Migration, sql } from "kysely";

/** The tasks of a subject, and the comment that tells its story on GitHub. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index tasks_by_subject on tasks (subject, created_at desc)
    where subject is not null`.execute(db);
}

export const storiesMigration: Migration = { up };
