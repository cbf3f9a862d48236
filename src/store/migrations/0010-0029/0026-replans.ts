import { type Kysely, type Migration, sql } from "kysely";

/**
 * Subtasks that a planner replaces after their own attempts failed, what happens to stuck work (a
 * task from before fails, as its caller expects), and the final gate.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table subtasks
      drop constraint subtasks_kind_check,
      add constraint subtasks_kind_check check (kind in ('work', 'plan', 'replan')),
      add column lineage text,
      add column replans integer not null default 0`.execute(db);
  await sql`
    alter table tasks
      add column when_stuck text not null default 'fail',
      add column taken_back integer not null default 0,
      add column gate_verdict jsonb`.execute(db);
}

export const replansMigration: Migration = { up };
