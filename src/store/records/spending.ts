import { sql } from "kysely";
import { invariant } from "../../core/base/invariant.ts";
import { type Bound, type Budget, decideCall, type Spent } from "../../core/budget/budget.ts";
import { checkRow } from "../database/garbled.ts";
import { json } from "../database/open.ts";
import type { Db, Tx } from "../database/schema.ts";
import { inTransaction } from "../database/transaction.ts";

/**
 * The gate before each model call of a task with a budget. The decision and its record are one
 * transaction that holds the task's row, so each of several agents sees what the others were
 * allowed (`decideCall`). A call in flight is recorded with its upper bound and its process, and
 * forgotten when it ends or after half an hour, so a killed run does not use up the rest of the
 * budget.
 */
export type Gate =
  | { answer: "go" }
  /** No further call is allowed, however the calls in flight end. */
  | { answer: "stop"; budget: Budget; spent: Spent }
  /** It depends on the cost of the calls in flight. */
  | { answer: "wait" };

type Row = {
  taskId: string;
  calls: string;
  unpricedCalls: string;
  tokens: string;
  costUsd: string;
  agentMs: string;
};

/**
 * Makes a write of a run repeatable: a run numbers its writes and makes one at a time, and its last number
 * is stored with what it writes. So one that is repeated because its connection broke counts once.
 */
export type RunWrite = { runId: string; write: number };

/** Whether the row of `spending s` does not have this write yet. */
export const isNewWrite = ({ runId, write }: RunWrite) =>
  sql<boolean>`coalesce((s.in_flight -> ${runId}::text ->> 'write')::int, 0) < ${write}::int`;

/** The run's place in `in_flight` after this write, without a call under way. */
export const noteWrite = ({ runId, write }: RunWrite) =>
  sql`jsonb_build_object(${runId}::text, jsonb_build_object('write', ${write}::int))`;

/** JSON has no Infinity: null stands for it. */
type Noted = { usd: number | null; tokens: number | null };

export async function askGate(
  db: Db,
  about: RunWrite & { taskId: string; processId: string; agentMs: number; bound: Bound },
): Promise<Gate> {
  const { taskId, runId, write, processId, bound } = about;
  return inTransaction(db, async (tx) => {
    const { rows } = await sql<
      Row & { largestUsd: string; largestTokens: string; budget: Budget | null; others: Noted[] }
    >`
      insert into spending as s (task_id, agent_ms) values (${taskId}, ${Math.round(about.agentMs)})
      on conflict (task_id) do update set
        agent_ms = s.agent_ms + case when ${isNewWrite(about)} then excluded.agent_ms else 0 end
      returning task_id, calls, unpriced_calls, tokens, cost_usd, agent_ms, largest_usd, largest_tokens,
        (select budget from tasks where id = s.task_id) as budget,
        (select coalesce(json_agg(json_build_object('usd', f.value -> 'usd', 'tokens', f.value -> 'tokens')), '[]')
          from jsonb_each(s.in_flight) f
          where f.key <> ${runId}::text and (f.value ->> 'at')::timestamptz > now() - interval '30 minutes'
            and exists (select 1 from processes p where p.id = f.value ->> 'process' and p.ended_at is null)) as others`.execute(
      tx,
    );
    const [row] = rows;
    invariant(row, "an upsert returns its row");
    if (!row.budget) return { answer: "go" };
    const spent = toSpent(row);
    // Some servers exceed the requested maximum: a call may be as large as the largest so far.
    const mine = {
      usd: Math.max(bound.usd, Number(row.largestUsd)),
      tokens: Math.max(bound.tokens, Number(row.largestTokens)),
    };
    const answer = decideCall(row.budget, spent, row.others.map(toBound), mine);
    const note = sql`jsonb_build_object(${runId}::text, jsonb_build_object('write', ${write}::int,
      'process', ${processId}::text, 'at', now()) || ${json(toNoted(mine))}::jsonb)`;
    await sql`update spending set in_flight = in_flight || ${answer === "go" ? note : noteWrite(about)}
      where task_id = ${taskId}`.execute(tx);
    return answer === "stop" ? { answer, budget: row.budget, spent } : { answer };
  });
}

function toNoted({ tokens, usd }: Bound): Noted {
  const note = (value: number) => (Number.isFinite(value) ? value : null);
  return { usd: note(usd), tokens: note(tokens) };
}

function toBound({ tokens, usd }: Noted): Bound {
  return { usd: usd ?? Number.POSITIVE_INFINITY, tokens: tokens ?? Number.POSITIVE_INFINITY };
}

/** Adds an agent's time since its last report. Returns what is spent by now. */
export async function addAgentTime(
  db: Db,
  about: RunWrite & { taskId: string; agentMs: number },
): Promise<Spent> {
  const { taskId, agentMs } = about;
  const { rows } = await sql<Row>`
    insert into spending as s (task_id, agent_ms, in_flight)
    values (${taskId}, ${Math.round(agentMs)}, ${noteWrite(about)})
    on conflict (task_id) do update set
      agent_ms = s.agent_ms + case when ${isNewWrite(about)} then excluded.agent_ms else 0 end,
      in_flight = s.in_flight || jsonb_build_object(${about.runId}::text,
        coalesce(s.in_flight -> ${about.runId}::text, '{}') || jsonb_build_object('write', ${about.write}::int))
    returning task_id, calls, unpriced_calls, tokens, cost_usd, agent_ms`.execute(db);
  invariant(rows[0], "an insert returns its row");
  return toSpent(rows[0]);
}

/** Removes what is stored of a run that ends. */
export async function leaveGate(db: Db, taskId: string, runId: string): Promise<void> {
  await sql`update spending set in_flight = in_flight - ${runId}::text where task_id = ${taskId}`.execute(
    db,
  );
}

export async function readSpent(db: Db | Tx, taskId: string): Promise<Spent> {
  const row = await db
    .selectFrom("spending")
    .select(["taskId", "calls", "unpricedCalls", "tokens", "costUsd", "agentMs"])
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
  checkRow("spending", row.taskId, row);
  return {
    usd: Number(row.costUsd),
    tokens: Number(row.tokens),
    turns: Number(row.calls),
    minutes: Number(row.agentMs) / 60_000,
    unpricedCalls: Number(row.unpricedCalls),
  };
}
