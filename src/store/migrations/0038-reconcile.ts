import { type Kysely, type Migration, sql } from "kysely";

/** How far missed deliveries were looked for, and what a delivery tells of. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table reconcile_cursors (
    name text primary key,
    seen_until timestamptz not null,
    etag text)`.execute(db);
  // A subject and its state, of which a poll may tell as well.
  await sql`alter table inbox add column about text`.execute(db);
  await sql`create index inbox_about on inbox (about) where about is not null`.execute(db);
}

export const reconcileMigration: Migration = { up };
