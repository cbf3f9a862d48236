import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/core/base/id.ts";
import type { Budget } from "../../src/core/budget/budget.ts";
import type { ModelCall } from "../../src/core/budget/usage.ts";
import { addAgentTime, askGate, leaveGate, readSpent } from "../../src/store/records/spending.ts";
import { countCall, listUsage } from "../../src/store/records/usage.ts";
import { type Bench, makeBench } from "../support/orchestrator.ts";

/** The gate before each call: several agents of one task at it at once, on a real database. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

/** The number of a run's write; each is another one. */
let write = 0;
const about = (taskId: string, runId: string, processId = bench.processId) => ({
  ...{ taskId, runId, write: ++write, processId, agentMs: 0, bound: { usd: 0.7, tokens: 100 } },
});
const key = (taskId: string, attemptId: string | null = null) =>
  ({ taskId, subtaskId: null, attemptId, role: "coder", agent: "builtin" }) as const;
const call = (usd: number | null, tokens = 100): ModelCall => ({
  model: "m",
  tokens: { inputTokens: tokens, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 },
  latencyMs: 7,
  costUsd: usd,
});
const count = (taskId: string, runId: string, made: ModelCall) =>
  countCall(bench.db, key(taskId), { ...made, runId, write: ++write, agentMs: 0 });
const ask = async (taskId: string, runId: string, processId?: string) =>
  (await askGate(bench.db, about(taskId, runId, processId))).answer;

/** An agent that calls until it is refused, every call of the same size. */
async function work(taskId: string, runId: string, made: ModelCall): Promise<number> {
  for (let calls = 0; ; ) {
    const answer = await ask(taskId, runId);
    if (answer === "stop") return calls;
    if (answer === "wait") continue;
    await count(taskId, runId, made);
    calls++;
  }
}

const start = (budget: Budget) => bench.submit({ budget });

test.each<[Budget, number, number]>([
  // 0.7 each: the eighth is made while less than 5 is spent, and passes it by less than one call.
  [{ usd: 5 }, 8, 5.6],
  [{ turns: 7 }, 7, 4.9],
  [{ tokens: 1_000 }, 10, 7],
])("six agents at once with %j make %i calls", async (budget, calls, usd) => {
  const id = await start(budget);
  const made = await Promise.all(
    ["a", "b", "c", "d", "e", "f"].map((run) => work(id, run, call(0.7))),
  );
  expect(made.reduce((sum, each) => sum + each)).toBe(calls);
  const spent = await readSpent(bench.db, id);
  expect(spent).toMatchObject({ turns: calls, unpricedCalls: 0 });
  expect(spent.usd).toBeCloseTo(usd, 10);
  const [usage] = await listUsage(bench.db, id);
  expect(usage).toMatchObject({ calls, inputTokens: calls * 100, latencyMs: calls * 7 });
  expect(usage?.costUsd).toBeCloseTo(usd, 10);
});

test("agents call side by side while all of them together fit, whatever they come to", async () => {
  const id = await start({ usd: 10 });
  const beside = async (runId: string, usd: number) =>
    (await askGate(bench.db, { ...about(id, runId), bound: { usd, tokens: 1 } })).answer;
  for (const run of ["a", "b", "c", "d"]) expect(await beside(run, 2)).toBe("go");
  expect(await beside("e", 3)).toBe("wait");
  // What nobody can say the price of goes alone.
  expect(await beside("f", Number.POSITIVE_INFINITY)).toBe("wait");
  await count(id, "a", call(1));
  expect(await beside("e", 3)).toBe("go");
  for (const run of ["b", "c", "d", "e"]) await count(id, run, call(2));
  expect(await beside("f", Number.POSITIVE_INFINITY)).toBe("go");
  expect(await beside("a", 0.01)).toBe("wait");
  await count(id, "f", call(3));
  expect(await beside("a", 0.01)).toBe("stop");
});

test("a call under way is forgotten with its run, and with its process", async () => {
  const id = await start({ turns: 1 });
  expect(await ask(id, "a")).toBe("go");
  expect(await ask(id, "b")).toBe("wait");
  await leaveGate(bench.db, id, "a");
  expect(await ask(id, "b")).toBe("go");
  await leaveGate(bench.db, id, "b");
  const other = await bench.addProcess();
  expect(await ask(id, "c", other)).toBe("go");
  expect(await ask(id, "d")).toBe("wait");
  await bench.database.query("update processes set ended_at = now() where id = $1", [other]);
  expect(await ask(id, "d")).toBe("go");
});

test("a call that failed and is made again takes the budget once", async () => {
  const id = await start({ turns: 2 });
  for (const _ of [1, 2, 3]) expect(await ask(id, "a")).toBe("go");
  await count(id, "a", call(1));
  expect((await readSpent(bench.db, id)).turns).toBe(1);
});

test("the first call without a price is the last under a cap in dollars, and makes the sum unknown", async () => {
  const id = await start({ usd: 5, turns: 100 });
  expect(await ask(id, "a")).toBe("go");
  await count(id, "a", call(null));
  expect(await ask(id, "a")).toBe("stop");
  await count(id, "a", { ...call(0.5), tokens: null });
  expect(await listUsage(bench.db, id)).toMatchObject([
    { calls: 2, callsWithoutTokens: 1, inputTokens: 100, costUsd: null },
  ]);
});

test("time that agents took is spent too, and a raise is seen at the next call", async () => {
  const id = await start({ minutes: 2 });
  const minute = { taskId: id, runId: "a", agentMs: 60_000 };
  await addAgentTime(bench.db, { ...minute, write: ++write });
  expect((await addAgentTime(bench.db, { ...minute, write: ++write })).minutes).toBe(2);
  expect(await askGate(bench.db, about(id, "a"))).toMatchObject({
    answer: "stop",
    budget: { minutes: 2 },
    spent: { minutes: 2 },
  });
  await bench.database.query(`update tasks set budget = '{"minutes": 3}' where id = $1`, [id]);
  expect(await ask(id, "a")).toBe("go");
});

test("the account has a row for each attempt, role, agent and model", async () => {
  const id = newId("task");
  const base = { ...call(1), runId: "a", agentMs: 0 };
  const next = () => ({ ...base, write: ++write });
  await countCall(bench.db, key(id, "att_1"), next());
  await countCall(bench.db, key(id, "att_2"), next());
  await countCall(bench.db, key(id, "att_2"), { ...next(), model: "n" });
  await countCall(bench.db, { ...key(id), role: "planner" }, next());
  expect(
    (await listUsage(bench.db, id)).map(({ attemptId, role, model, costUsd }) => [
      ...[attemptId, role, model, costUsd],
    ]),
  ).toEqual([
    ["att_1", "coder", "m", 1],
    ["att_2", "coder", "m", 1],
    ["att_2", "coder", "n", 1],
    [null, "planner", "m", 1],
  ]);
});

test("what is written again, because its connection broke, counts once", async () => {
  const id = await start({ turns: 9, minutes: 9 });
  const first = { ...call(1), runId: "a", write: ++write, agentMs: 60_000 };
  for (const _ of [1, 2]) await countCall(bench.db, key(id), first);
  const second = { ...about(id, "a"), agentMs: 60_000 };
  for (const _ of [1, 2]) expect((await askGate(bench.db, second)).answer).toBe("go");
  const third = { taskId: id, runId: "a", agentMs: 60_000, write: ++write };
  for (const _ of [1, 2]) await addAgentTime(bench.db, third);
  // The call that it asked for is still under way; another run's writes have numbers of their own.
  expect(await ask(id, "b")).toBe("go");
  await countCall(bench.db, key(id), { ...call(1), runId: "c", write: 1, agentMs: 0 });
  expect(await readSpent(bench.db, id)).toMatchObject({ turns: 2, usd: 2, minutes: 3 });
  expect(await listUsage(bench.db, id)).toMatchObject([{ calls: 2, costUsd: 2 }]);
});
