import { type Kysely, type Migration, sql } from "kysely";

/** The tasks of a subject, and the comment that tells its story on GitHub. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index tasks_by_subject on tasks (subject, created_at desc)
    where subject is not null`.execute(db);
  await sql`create index tasks_told on tasks (updated_at) where (origin ->> 'tells') = 'true'`.execute(
    db,
  );
  await sql`create table stories (
    target text primary key,
    url text,
    told text,
    told_at timestamptz,
    problem text,
    failures int not null default 0,
    next_at timestamptz not null default now())`.execute(db);
}

export const storiesMigration: Migration = { up };
