import { afterAll, beforeAll, expect, test } from "vitest";
import { endWith } from "../src/agents/agent.ts";
import type { Budget } from "../src/core/budget/budget.ts";
import { openMeter } from "../src/roles/meter.ts";
import { readSpent } from "../src/store/records/spending.ts";
import { listUsage } from "../src/store/records/usage.ts";
import { type Bench, makeBench } from "./support/orchestrator.ts";

/** The meter of a program that makes its calls unasked: counted as they come, billed at the end. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

const price = { inputPerM: 10, cachedInputPerM: 1, outputPerM: 100 };
const call = (input: number, output: number, costUsd: number | null = null, model = "m") => ({
  model,
  tokens: { inputTokens: input, cachedInputTokens: 0, outputTokens: output, reasoningTokens: 0 },
  latencyMs: 0,
  costUsd,
});

async function open(budget?: Budget) {
  const taskId = await bench.submit(budget ? { budget } : {});
  const meter = await openMeter(
    bench.db,
    {
      taskId,
      subtaskId: null,
      attemptId: null,
      role: "coder",
      agent: "claude",
      processId: bench.processId,
    },
    { priceOf: (model) => (model === "m" ? price : null), signal: new AbortController().signal },
  );
  return { taskId, meter };
}

test("a bill adds what the calls did not tell, and what it says of dollars counts", async () => {
  const { taskId, meter } = await open();
  await meter.watch();
  await meter.count(call(1_000, 1));
  await meter.count(call(2_000, 50));
  await meter.settle([call(3_000, 300, 0.25), call(40, 4, 0.01, "small")]);
  // The next process of the run has a bill of its own; another name for a model is the bill's.
  await meter.count(call(500, 5));
  await meter.count(call(70, 7, null, "m-of-yesterday"));
  await meter.settle([call(500, 5, 0.02), call(70, 7, 0.03, "m-of-today")]);
  await meter.settle([call(10, 1, 0.01)]);
  await meter.close();
  const usage = await listUsage(bench.db, taskId);
  expect(usage.map((row) => [row.model, row.calls, row.inputTokens, row.outputTokens])).toEqual([
    ["m", 4, 3_510, 306],
    ["small", 1, 40, 4],
    ["m-of-today", 1, 70, 7],
  ]);
  expect(usage.map(({ costUsd }) => Math.round((costUsd ?? -1) * 1e6))).toEqual([
    280_000, 10_000, 30_000,
  ]);
  const spent = await readSpent(bench.db, taskId);
  expect(spent).toMatchObject({ turns: 6, tokens: 3_620 + 317, unpricedCalls: 0 });
  expect(spent.usd).toBeCloseTo(0.32, 10);
});

test.each<[Budget, string]>([
  [{ tokens: 2_500 }, "the budget is used up: 3000 tokens of 2500 tokens"],
  [{ usd: 0.025 }, "the budget is used up: $0.0300 of $0.0250"],
  [{ turns: 3 }, "the budget is used up: 3 turns of 3 turns"],
])("a budget of %j ends the run with the call that uses it up", async (budget, why) => {
  const { meter } = await open(budget);
  await meter.watch();
  for (let made = 0; made < 3; made++) {
    expect(meter.signal.aborted).toBe(false);
    await meter.count(call(1_000, 0));
  }
  expect(meter.signal.aborted).toBe(true);
  const end = meter.conclude(endWith("cancelled", null, "stopped on request"));
  expect(end).toMatchObject({ reason: "out_of_budget", failure: "out_of_budget", detail: why });
  expect(end.question).toContain('Answer "yes"');
  // Who had finished by then has finished.
  expect(meter.conclude(endWith("done", null, "finished")).reason).toBe("done");
  await meter.close();
});
