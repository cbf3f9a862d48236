import { type Kysely, type Migration, sql } from "kysely";

/**
 * Plans of planners: as proposed, a person's feedback, and later changes. A plan without a planner
 * (a single subtask, or one that came with the task) has no row.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  const run = (query: ReturnType<typeof sql>) => query.execute(db);
  await run(sql`alter table tasks
    add column mode text not null default 'auto' check (mode in ('auto', 'direct', 'plan')),
    add column approval text not null default 'none' check (approval in ('none', 'plan'))`);
  await run(sql`alter table subtasks
    add column kind text not null default 'work' check (kind in ('work', 'plan')),
    add column depth int not null default 0`);
  await run(sql`alter table attempts add column follow_ups jsonb not null default '[]'`);
  await run(sql`create table plans (
    id text primary key,
    task_id text not null references tasks,
    subtask_id text references subtasks,
    state text not null check (state in ('proposed', 'accepted', 'rejected', 'revision')),
    plan jsonb,
    reason text not null,
    diff jsonb not null default '[]',
    refused jsonb not null default '[]',
    feedback text,
    created_at timestamptz not null default clock_timestamp())`);
  await run(sql`create index plans_of_task on plans (task_id)`);
  // At most one plan of a task waits for a person.
  await run(
    sql`create unique index plans_one_proposed on plans (task_id) where state = 'proposed'`,
  );
}

export const plansMigration: Migration = { up };
