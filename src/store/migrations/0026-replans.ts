import { type Kysely, type Migration, sql } from "kysely";

/** Subtasks that a planner replaces after their own attempts failed, and what happens to stuck work. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table subtasks
      drop constraint subtasks_kind_check,
      add constraint subtasks_kind_check check (kind in ('work', 'plan', 'replan')),
      add column lineage text,
      add column replans integer not null default 0`.execute(db);
  await sql`alter table tasks add column when_stuck text`.execute(db);
}

export const replansMigration: Migration = { up };
