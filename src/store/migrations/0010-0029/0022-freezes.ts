import { type Kysely, type Migration, sql } from "kysely";

/** Freezes, past ones included; at most one has not ended. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table freezes (
    id bigint generated always as identity primary key,
    cause text not null,
    reason text,
    since timestamptz not null default now(),
    thawed_at timestamptz)`.execute(db);
  await sql`create unique index freezes_open on freezes ((thawed_at is null)) where thawed_at is null`.execute(
    db,
  );
}

export const freezesMigration: Migration = { up };
