import { type Kysely, type Migration, sql } from "kysely";

/** What was last reported of a task among the checks of a commit. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table check_reports (
    task_id text primary key references tasks (id) on delete cascade,
    commit text,
    is_open boolean not null default false,
    told text,
    told_at timestamptz,
    problem text,
    failures int not null default 0,
    next_at timestamptz not null default now())`.execute(db);
  await sql`create index tasks_reported on tasks (updated_at)
    where delivered_commit is not null or delivery = 'comment'`.execute(db);
}

export const checkReportsMigration: Migration = { up };
