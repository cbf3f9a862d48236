import { type Kysely, type Migration, sql } from "kysely";
import { endReasons } from "../../../core/task/failure.ts";
import {
  subtaskStates,
  taskStates,
  terminalSubtaskStates,
  terminalTaskStates,
} from "../../../core/task/lifecycle.ts";

const list = (words: readonly string[]) => sql.raw(words.map((word) => `'${word}'`).join(", "));

/** The hold as columns: exactly one shape, and none in a terminal state. */
const holdColumns = sql`
  hold_kind text,
  hold_owner text,
  hold_at timestamptz,
  hold_reason text,
  hold_question_id text,
  hold_on text[],
  hold_since timestamptz not null default now()`;

const holdCheck = (table: string, terminal: readonly string[]) => sql`
  constraint ${sql.raw(`${table}_has_one_hold`)} check (
    case when state in (${list(terminal)})
      then num_nonnulls(hold_kind, hold_owner, hold_at, hold_reason, hold_question_id, hold_on) = 0
      else coalesce(case hold_kind
        when 'lease' then num_nonnulls(hold_owner, hold_at, hold_reason) = 3 and num_nonnulls(hold_question_id, hold_on) = 0
        when 'wake' then num_nonnulls(hold_at, hold_reason) = 2 and num_nonnulls(hold_owner, hold_question_id, hold_on) = 0
        when 'question' then hold_question_id is not null and num_nonnulls(hold_owner, hold_at, hold_reason, hold_on) = 0
        when 'dependency' then cardinality(hold_on) > 0 and hold_reason is not null and num_nonnulls(hold_owner, hold_at, hold_question_id) = 0
      end, false)
    end)`;

async function up(db: Kysely<unknown>): Promise<void> {
  const run = (query: ReturnType<typeof sql>) => query.execute(db);
  await run(sql`create table tasks (
    id text primary key,
    state text not null constraint tasks_state check (state in (${list(taskStates)})),
    ${holdColumns},
    epoch int not null default 0,
    goal text not null,
    repository text not null,
    base text,
    agent text not null,
    checks jsonb not null default '[]',
    plan_input jsonb,
    attachments jsonb not null default '[]',
    delivery text not null default 'branch',
    expects_change boolean not null default true,
    allow_test_changes boolean not null default false,
    attempt_timeout_ms bigint not null,
    origin jsonb not null,
    subject text,
    preparation jsonb,
    head_commit text,
    branch text,
    delivered_commit text,
    delivery_url text,
    end_detail text,
    cancel_requested_at timestamptz,
    accepted_at timestamptz,
    discarded_at timestamptz,
    stage_failures int not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    ended_at timestamptz,
    ${holdCheck("tasks", terminalTaskStates)}
  )`);
  await run(sql`create index tasks_by_age on tasks (created_at desc, id desc)`);
  await run(
    sql`create index tasks_open on tasks (state, hold_since) where state not in (${list(terminalTaskStates)})`,
  );
  await run(sql`create index tasks_leased on tasks (hold_owner) where hold_kind = 'lease'`);
  await run(sql`create unique index tasks_one_active_per_subject on tasks (subject)
    where subject is not null and state not in (${list(terminalTaskStates)})`);

  await run(sql`create table idempotency_keys (
    key text primary key, body_hash text not null, task_id text not null, created_at timestamptz not null default now())`);

  await run(sql`create table subtasks (
    id text primary key,
    task_id text not null references tasks,
    key text not null,
    position int not null,
    title text not null,
    brief text not null,
    depends_on text[] not null default '{}',
    writes text[] not null default '{}',
    agent text not null,
    checks jsonb not null default '[]',
    state text not null constraint subtasks_state check (state in (${list(subtaskStates)})),
    ${holdColumns},
    epoch int not null default 0,
    base_commit text,
    commit text,
    integrated_commit text,
    verdict jsonb,
    gate_verdict jsonb,
    feedback text,
    answers jsonb not null default '[]',
    ending jsonb,
    end_detail text,
    first_counted_attempt int not null default 1,
    stage_failures int not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (task_id, key),
    ${holdCheck("subtasks", terminalSubtaskStates)}
  )`);
  await run(
    sql`create index subtasks_open on subtasks (state, hold_since) where state not in (${list(terminalSubtaskStates)})`,
  );

  await run(sql`create index subtasks_leased on subtasks (hold_owner) where hold_kind = 'lease'`);

  await run(sql`create table attempts (
    id text primary key,
    task_id text not null references tasks,
    subtask_id text not null references subtasks,
    number int not null,
    epoch int not null,
    boot_id text not null,
    agent text not null,
    base_commit text not null,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    end_reason text constraint attempts_end_reason check (end_reason in (${list(endReasons)})),
    failure text,
    detail text,
    output_tail text,
    commit text,
    snapshot_ref text,
    summary text,
    question text,
    discoveries jsonb not null default '[]',
    usage jsonb not null default '[]',
    verdict jsonb,
    gate_verdict jsonb,
    decision jsonb,
    log_path text,
    unique (subtask_id, number),
    constraint attempts_end_whole check ((ended_at is null) = (end_reason is null))
  )`);
  await run(sql`create index attempts_of_task on attempts (task_id)`);

  await run(sql`create table events (
    seq bigint generated always as identity primary key,
    id text not null unique,
    task_id text not null,
    subtask_id text,
    attempt_id text,
    type text not null,
    message text not null,
    data jsonb not null default '{}',
    at timestamptz not null default clock_timestamp())`);
  await run(sql`create index events_of_task on events (task_id, seq)`);

  // Jobs that wake stages: written in the transition's transaction, moved to the queue afterwards.
  await run(sql`create table outbox (
    id bigint generated always as identity primary key,
    stage text not null,
    task_id text not null,
    subtask_id text,
    available_at timestamptz not null default now())`);
  await run(sql`create index outbox_due on outbox (available_at)`);

  await run(sql`create table questions (
    id text primary key,
    task_id text not null references tasks,
    subtask_id text references subtasks,
    kind text not null,
    text text not null,
    asked_at timestamptz not null default now(),
    answer text,
    answered_at timestamptz)`);
  await run(sql`create index questions_of_task on questions (task_id)`);

  await run(sql`create table boots (
    id text primary key,
    kind text not null,
    pid int not null,
    start_ticks text,
    host text not null,
    started_at timestamptz not null default now(),
    heartbeat_at timestamptz not null default now(),
    ended_at timestamptz)`);

  await run(sql`create table processes (
    boot_id text not null references boots,
    pid int not null,
    start_ticks text not null,
    what text not null,
    started_at timestamptz not null default now(),
    primary key (boot_id, pid, start_ticks))`);

  await run(sql`create table worktrees (
    id text primary key,
    task_id text not null references tasks,
    subtask_id text not null unique references subtasks,
    mirror text not null,
    path text not null,
    state text not null,
    prepared_for text,
    port_base int,
    snapshot_ref text,
    snapshot_commit text,
    created_at timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    removed_at timestamptz)`);
  await run(
    sql`create unique index worktrees_one_lease_per_port on worktrees (port_base) where port_base is not null`,
  );

  await run(sql`create table baselines (
    key text primary key, data jsonb not null, created_at timestamptz not null default now())`);

  await run(sql`create table inbox (
    delivery_id text primary key,
    source text not null,
    event text not null,
    action text,
    subject text,
    payload jsonb not null,
    received_at timestamptz not null default now(),
    processed_at timestamptz,
    result text,
    task_id text)`);
  await run(sql`create index inbox_open on inbox (received_at) where processed_at is null`);

  await run(sql`create table notifications (
    id text primary key,
    event_id text not null,
    task_id text not null,
    channel text not null,
    title text not null,
    body text not null,
    priority int not null,
    click_url text,
    payload jsonb not null,
    attempts int not null default 0,
    next_at timestamptz not null default now(),
    claimed_until timestamptz,
    sent_at timestamptz,
    last_error text,
    created_at timestamptz not null default now(),
    unique (event_id, channel))`);
  await run(sql`create index notifications_due on notifications (next_at) where sent_at is null`);
}

export const initialMigration: Migration = { up };
