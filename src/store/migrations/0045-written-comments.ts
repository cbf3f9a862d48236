import { type Kysely, type Migration, sql } from "kysely";

/** The comments that we wrote, so that two programs which answer each other are told by their number. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table written_comments (
    -- As core/forge/place.ts writes it, in lower case.
    place text not null,
    mark text not null,
    at timestamptz not null default now(),
    primary key (place, mark))`.execute(db);
}

export const writtenCommentsMigration: Migration = { up };
