import { sql } from "kysely";
import type { Budget, Spent } from "../core/budget.ts";
import { invariant } from "../core/invariant.ts";
import type { Db, Tx } from "./schema.ts";

/**
 * The gate before each model call of a task that has a budget. Whether a call may be made, and that
 * it is made, is one statement on one row, so of several agents that ask at once each sees what the
 * others were allowed.
 *
 * While less than the cap is spent, one call may always be made; it may pass the cap, because what a
 * call costs is known only after it. Several at once are allowed while there is room for each of them
 * to be twice as large as the largest call so far; near the cap, and before the first call is
 * counted, they go one at a time. So what is overspent is what one call passes the cap by. Turns are
 * known beforehand, and are never overspent.
 *
 * A call under way is noted with the process it runs in, and forgotten with it, or after half an
 * hour: what was killed does not take the rest of the budget along.
 */
export type Gate =
  | { answer: "go" }
  /** Nothing more may be called, however the calls under way end. */
  | { answer: "stop"; budget: Budget; spent: Spent }
  /** It depends on what the calls under way will have cost. */
  | { answer: "wait" };

type Row = {
  calls: string;
  unpricedCalls: string;
  tokens: string;
  costUsd: string;
  agentMs: string;
};

export async function askGate(
  db: Db,
  about: { taskId: string; runId: string; bootId: string; agentMs: number },
): Promise<Gate> {
  const { taskId, runId, bootId, agentMs } = about;
  const ms = Math.round(agentMs);
  const mine = sql`jsonb_build_object(${runId}::text, jsonb_build_object('boot', ${bootId}::text, 'at', now()))`;
  const others = sql`(select count(*) from jsonb_each(s.in_flight) f
    where f.key <> ${runId}::text and (f.value ->> 'at')::timestamptz > now() - interval '30 minutes'
      and exists (select 1 from boots b where b.id = f.value ->> 'boot' and b.ended_at is null))`;
  const cap = (name: string) =>
    sql`coalesce((select (budget ->> ${sql.lit(name)})::numeric from tasks where id = s.task_id), 'infinity')`;
  const isSpent = sql`(s.cost_usd >= ${cap("usd")} or s.unpriced_calls > 0 and ${cap("usd")} < 'infinity'
    or s.tokens >= ${cap("tokens")} or s.calls >= ${cap("turns")} or s.agent_ms + ${ms} >= ${cap("minutes")} * 60000)`;
  const hasRoom = sql`(s.calls > 0 and s.calls + ${others} < ${cap("turns")}
    and s.cost_usd + (${others} + 1) * 2 * s.largest_usd <= ${cap("usd")}
    and s.tokens + (${others} + 1) * 2 * s.largest_tokens <= ${cap("tokens")})`;
  const { rows } = await sql<Row & { isMine: boolean; isStopped: boolean; budget: Budget | null }>`
    insert into spending as s (task_id, agent_ms, in_flight) values (${taskId}, ${ms}, ${mine})
    on conflict (task_id) do update set
      agent_ms = s.agent_ms + ${ms},
      in_flight = case when not ${isSpent} and (${others} = 0 or ${hasRoom})
        then s.in_flight || ${mine} else s.in_flight - ${runId}::text end
    returning s.calls, s.unpriced_calls, s.tokens, s.cost_usd, s.agent_ms, s.in_flight ? ${runId}::text as is_mine,
      (select budget from tasks where id = s.task_id) as budget,
      (s.cost_usd >= ${cap("usd")} or s.unpriced_calls > 0 and ${cap("usd")} < 'infinity' or s.tokens >= ${cap("tokens")}
        or s.calls >= ${cap("turns")} or s.agent_ms >= ${cap("minutes")} * 60000) as is_stopped`.execute(
    db,
  );
  const row = rows[0];
  if (!row || row.isMine || !row.budget) return { answer: "go" };
  return row.isStopped
    ? { answer: "stop", budget: row.budget, spent: toSpent(row) }
    : { answer: "wait" };
}

/** Add the time that an agent took since it last said so; what was spent by now is the answer. */
export async function addAgentTime(db: Db, taskId: string, agentMs: number): Promise<Spent> {
  const { rows } = await sql<Row>`
    insert into spending as s (task_id, agent_ms) values (${taskId}, ${Math.round(agentMs)})
    on conflict (task_id) do update set agent_ms = s.agent_ms + excluded.agent_ms
    returning calls, unpriced_calls, tokens, cost_usd, agent_ms`.execute(db);
  invariant(rows[0], "an insert returns its row");
  return toSpent(rows[0]);
}

/** A run that ends has no call under way. */
export async function leaveGate(db: Db, taskId: string, runId: string): Promise<void> {
  await sql`update spending set in_flight = in_flight - ${runId}::text where task_id = ${taskId}`.execute(
    db,
  );
}

export async function readSpent(db: Db | Tx, taskId: string): Promise<Spent> {
  const row = await db
    .selectFrom("spending")
    .select(["calls", "unpricedCalls", "tokens", "costUsd", "agentMs"])
    .where("taskId", "=", taskId)
    .executeTakeFirst();
  return row ? toSpent(row) : { usd: 0, tokens: 0, turns: 0, minutes: 0, unpricedCalls: 0 };
}

export async function readBudget(db: Db | Tx, taskId: string): Promise<Budget | null> {
  const row = await db
    .selectFrom("tasks")
    .select("budget")
    .where("id", "=", taskId)
    .executeTakeFirst();
  return row?.budget ?? null;
}

function toSpent(row: Row): Spent {
  return {
    usd: Number(row.costUsd),
    tokens: Number(row.tokens),
    turns: Number(row.calls),
    minutes: Number(row.agentMs) / 60_000,
    unpricedCalls: Number(row.unpricedCalls),
  };
}
