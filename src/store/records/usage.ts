import { type Selectable, sql } from "kysely";
import type { ModelCall, Role, Usage } from "../../core/budget/usage.ts";
import { deltaOf, type UsageDelta } from "../../core/budget/usage-delta.ts";
import { checkRow } from "../database/garbled.ts";
import type { Database, Db } from "../database/schema.ts";
import { isNewWrite, noteWrite, type RunWrite } from "./spending.ts";

/** The caller of a model call, and its subject. */
export type UsageKey = {
  taskId: string;
  subtaskId: string | null;
  attemptId: string | null;
  role: Role;
  agent: string;
};

/**
 * Counts a finished call in the account and against the task's budget, and ends it as a call in
 * flight. One statement, so a crash neither loses a counted call nor counts half of it. `costUsd`
 * null: the price is unknown.
 */
export async function countCall(
  db: Db,
  key: UsageKey,
  call: ModelCall & RunWrite & { agentMs: number },
): Promise<void> {
  await countUsage(db, key, { ...deltaOf(call), ...call, costUsd: call.costUsd ?? 0 });
}

/** Counts what a bill adds to calls that were counted before. */
export async function countUsage(
  db: Db,
  key: UsageKey,
  more: UsageDelta & RunWrite & { model: string; agentMs: number },
): Promise<void> {
  const { taskId, subtaskId, attemptId, role, agent } = key;
  const { model, calls, callsWithoutTokens, unpricedCalls, costUsd, agentMs } = more;
  const tokens = more.inputTokens + more.outputTokens;
  // A correction of known calls says nothing about the size of one.
  const [largestTokens, largestUsd] = calls > 0 ? [tokens, costUsd] : [0, 0];
  // The row of `spending` comes first: it knows whether this write was made before.
  await sql`
    with counted as (
      insert into spending as s (task_id, calls, unpriced_calls, tokens, cost_usd, agent_ms, largest_tokens,
        largest_usd, in_flight)
      values (${taskId}, ${calls}, ${unpricedCalls}, ${tokens}, ${costUsd}::numeric, ${Math.round(agentMs)},
        ${largestTokens}, ${largestUsd}::numeric, ${noteWrite(more)})
      on conflict (task_id) do update set
        calls = s.calls + excluded.calls,
        unpriced_calls = s.unpriced_calls + excluded.unpriced_calls,
        tokens = s.tokens + excluded.tokens,
        cost_usd = s.cost_usd + excluded.cost_usd,
        agent_ms = s.agent_ms + excluded.agent_ms,
        largest_tokens = greatest(s.largest_tokens, excluded.largest_tokens),
        largest_usd = greatest(s.largest_usd, excluded.largest_usd),
        in_flight = s.in_flight || excluded.in_flight
      where ${isNewWrite(more)}
      returning 1)
    insert into usage as u (task_id, subtask_id, attempt_id, role, agent, model, calls, calls_without_tokens,
      unpriced_calls, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, latency_ms, cost_usd)
    select ${taskId}, ${subtaskId ?? ""}, ${attemptId ?? ""}, ${role}, ${agent}, ${model}, ${calls}::int,
      ${callsWithoutTokens}::int, ${unpricedCalls}::int, ${more.inputTokens}::bigint, ${more.cachedInputTokens}::bigint,
      ${more.outputTokens}::bigint, ${more.reasoningTokens}::bigint, ${more.latencyMs}::bigint, ${costUsd}::numeric
    from counted
    on conflict (task_id, subtask_id, attempt_id, role, agent, model) do update set
      calls = u.calls + excluded.calls,
      calls_without_tokens = u.calls_without_tokens + excluded.calls_without_tokens,
      unpriced_calls = u.unpriced_calls + excluded.unpriced_calls,
      input_tokens = u.input_tokens + excluded.input_tokens,
      cached_input_tokens = u.cached_input_tokens + excluded.cached_input_tokens,
      output_tokens = u.output_tokens + excluded.output_tokens,
      reasoning_tokens = u.reasoning_tokens + excluded.reasoning_tokens,
      latency_ms = u.latency_ms + excluded.latency_ms,
      cost_usd = u.cost_usd + excluded.cost_usd`.execute(db);
}

/** The account of a task, ordered by first call. */
export async function listUsage(db: Db, taskId: string): Promise<Usage[]> {
  return (await listUsageRows(db, taskId)).map(toUsage);
}

export async function listUsageRows(db: Db, taskId: string) {
  return (
    db
      .selectFrom("usage")
      .selectAll()
      .where("taskId", "=", taskId)
      // A bill may name another model than the calls did; that row is then left without calls.
      .where("calls", ">", "0")
      .orderBy("firstAt")
      .execute()
  );
}

export function toUsage(row: Selectable<Database["usage"]>): Usage {
  const { agent, attemptId, model, role, taskId } = row;
  checkRow("usage", `${taskId} ${attemptId} ${role} ${agent} ${model}`, row);
  return {
    subtaskId: row.subtaskId || null,
    attemptId: row.attemptId || null,
    role: row.role,
    agent: row.agent,
    model: row.model,
    calls: Number(row.calls),
    callsWithoutTokens: Number(row.callsWithoutTokens),
    inputTokens: Number(row.inputTokens),
    cachedInputTokens: Number(row.cachedInputTokens),
    outputTokens: Number(row.outputTokens),
    reasoningTokens: Number(row.reasoningTokens),
    latencyMs: Number(row.latencyMs),
    costUsd: Number(row.unpricedCalls) > 0 ? null : Number(row.costUsd),
  };
}
