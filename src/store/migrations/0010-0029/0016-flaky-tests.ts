import { type Kysely, type Migration, sql } from "kysely";

/** Tests that pass and fail on one commit: per repository and check, how often and when. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table flaky_tests (
    repository text not null,
    command text not null,
    test text not null,
    times_flipped int not null default 1,
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    primary key (repository, command, test)
  )`.execute(db);
}

export const flakyTestsMigration: Migration = { up };
