import { type Kysely, type Migration, sql } from "kysely";

/**
 * Model usage, counted per call, and what a task may spend. `usage` is the account that is shown.
 * `spending` has one row per task with the sums for its budget, because independent processes must
 * decide on and record one more call in a single step.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  const run = (query: ReturnType<typeof sql>) => query.execute(db);
  await run(sql`create table usage (
    task_id text not null,
    -- Empty, not null, for what is about the whole task: a key compares nulls as different.
    subtask_id text not null default '',
    attempt_id text not null default '',
    role text not null,
    agent text not null,
    model text not null,
    calls bigint not null,
    calls_without_tokens bigint not null,
    unpriced_calls bigint not null,
    input_tokens bigint not null,
    cached_input_tokens bigint not null,
    output_tokens bigint not null,
    reasoning_tokens bigint not null,
    latency_ms bigint not null,
    -- Of the calls that have a price.
    cost_usd numeric not null,
    first_at timestamptz not null default clock_timestamp(),
    primary key (task_id, subtask_id, attempt_id, role, agent, model))`);
  await run(sql`create table spending (
    task_id text primary key,
    calls bigint not null default 0,
    unpriced_calls bigint not null default 0,
    tokens bigint not null default 0,
    cost_usd numeric not null default 0,
    agent_ms bigint not null default 0,
    -- The largest call so far: what one more may come to.
    largest_tokens bigint not null default 0,
    largest_usd numeric not null default 0,
    -- Calls under way: the run that makes it → the process it runs in, and since when.
    in_flight jsonb not null default '{}')`);
  await run(sql`alter table tasks add column budget jsonb`);

  await run(sql`insert into usage (task_id, subtask_id, attempt_id, role, agent, model, calls, calls_without_tokens,
      unpriced_calls, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, latency_ms, cost_usd, first_at)
    select a.task_id, a.subtask_id, a.id, u.role, a.agent, coalesce(u.model, 'unknown'), u.calls, 0,
      case when u."costUsd" is null then u.calls else 0 end, u."inputTokens", u."cachedInputTokens", u."outputTokens", 0, 0,
      coalesce(u."costUsd", 0), a.started_at
    from attempts a, jsonb_to_recordset(a.usage) as u (role text, model text, calls bigint, "inputTokens" bigint,
      "cachedInputTokens" bigint, "outputTokens" bigint, "costUsd" numeric)
    on conflict do nothing`);
  await run(sql`alter table attempts drop column usage`);
}

export const usageMigration: Migration = { up };
