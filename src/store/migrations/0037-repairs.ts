import { type Kysely, type Migration, sql } from "kysely";

/** What was made of each red head of a pull request of ours, and of each review of it. */
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
}

export const repairsMigration: Migration = { up };
