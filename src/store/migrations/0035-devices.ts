import { type Kysely, type Migration, sql } from "kysely";

/** Phones that were paired with the daemon, and the code by which the next one is. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table devices (
    id text primary key,
    name text not null,
    session_hash text not null unique,
    paired_at timestamptz not null default now(),
    seen_at timestamptz not null default now())`.execute(db);
  await sql`create table pairing (
    only_one boolean primary key default true check (only_one),
    code_hash text not null,
    expires_at timestamptz not null,
    tries int not null default 0)`.execute(db);
}

export const devicesMigration: Migration = { up };
