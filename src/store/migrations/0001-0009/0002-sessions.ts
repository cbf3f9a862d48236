import { type Kysely, type Migration, sql } from "kysely";

/**
 * Sessions of agents, kept apart from attempts because they outlive them; messages of a person to a
 * running agent; and paused tasks.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  const run = (query: ReturnType<typeof sql>) => query.execute(db);
  await run(sql`create table sessions (
    id text primary key,
    task_id text not null references tasks,
    subtask_id text references subtasks,
    role text not null,
    agent text not null,
    -- Who may append: the attempt that goes on with it now; null for a run that is no attempt.
    attempt_id text,
    external_id text,
    entry_count int not null default 0,
    checkpoint_commit text,
    checkpoint_at timestamptz,
    created_at timestamptz not null default now())`);
  await run(sql`create index sessions_of_task on sessions (task_id)`);

  await run(sql`create table transcript (
    session_id text not null references sessions,
    position int not null,
    attempt_id text,
    entry jsonb not null,
    at timestamptz not null default clock_timestamp(),
    primary key (session_id, position))`);

  await run(sql`create table said (
    id text primary key,
    task_id text not null references tasks,
    subtask_id text not null references subtasks,
    text text not null,
    said_at timestamptz not null default clock_timestamp(),
    heard_at timestamptz)`);
  await run(sql`create index said_unheard on said (subtask_id) where heard_at is null`);

  await run(sql`alter table attempts add column session_id text`);
  // The session that the next attempt resumes; null: it starts a new one.
  await run(sql`alter table subtasks add column session_id text`);
  await run(sql`alter table tasks add column paused_at timestamptz`);
}

export const sessionsMigration: Migration = { up };
