import { type Kysely, type Migration, sql } from "kysely";

/**
 * What was made of each red head of a pull request of ours, and of each review of it, whose threads
 * get one reply each.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table repairs (
    task_id text not null references tasks,
    kind text not null constraint repairs_kind check (kind in ('checks', 'review')),
    -- The head's commit, or the review's id.
    key text not null,
    signature text,
    starts_over boolean not null,
    decision text not null,
    at timestamptz not null default now(),
    primary key (task_id, kind, key))`.execute(db);
  await sql`create table review_threads (
    task_id text not null references tasks,
    -- What the agent calls it.
    label text not null,
    review_id text not null,
    -- owner/name#number
    place text not null,
    -- The thread's first comment; null: it is the review's own text.
    comment_id bigint,
    replied_at timestamptz,
    failures int not null default 0,
    next_at timestamptz not null default now(),
    primary key (task_id, label))`.execute(db);
  await sql`create unique index review_threads_once on review_threads
    (task_id, review_id, coalesce(comment_id, 0))`.execute(db);
  await sql`create index review_threads_open on review_threads (next_at) where replied_at is null`.execute(
    db,
  );
}

export const repairsMigration: Migration = { up };
