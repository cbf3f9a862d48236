import { type Kysely, type Migration, sql } from "kysely";

/** What pushes ask, and how far the topic of the answers was read. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table asks (
    id text primary key,
    event_id text not null unique,
    task_id text not null,
    question_id text,
    options jsonb not null,
    page_hash text not null unique,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    used_option int,
    used_by text,
    used_message text)`.execute(db);
  await sql`create index asks_by_expiry on asks (expires_at)`.execute(db);
  await sql`create table reply_topics (
    topic_hash text primary key,
    last_id text not null,
    read_at timestamptz not null default now())`.execute(db);
}

export const asksMigration: Migration = { up };
