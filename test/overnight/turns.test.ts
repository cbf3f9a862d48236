import { describe, expect, test } from "vitest";
import { tellTimes, wilson } from "./stats.ts";
import type { TaskEnd } from "./system.ts";
import { countRepeated, findKillCosts } from "./turns.ts";

/** What the fault suite counts is counted by hand here. */
const usage = { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0 };
const request = (turn: number, at: number, isWhole = true) => ({
  ...{ turn, at, endedAt: at + 5, usage: isWhole ? usage : null },
});
const attempts = (...ends: [number, TaskEnd["attempts"][number]["ended"]][]) =>
  ends.map(([at, ended]) => ({ at, ended, words: "" }));
const kill = { at: 25, what: "process" } as const;

describe("what a kill cost", () => {
  test("the reply that was on its way is paid again", () => {
    const requests = [request(0, 10), request(1, 20, false), request(1, 40), request(2, 50)];
    const costs = findKillCosts("a", requests, attempts([5, "died"], [30, "other"]), [kill]);
    expect(costs).toEqual([{ task: "a", open: true, repeated: 1 }]);
    expect(countRepeated(requests)).toBe(1);
  });

  test("of several kills each has what follows it, up to the next", () => {
    const requests = [request(0, 10), request(1, 20, false), request(1, 40, false), request(1, 60)];
    const runs = attempts([5, "died"], [30, "died"], [55, "other"]);
    const costs = findKillCosts("a", requests, runs, [kill, { at: 45, what: "process" }]);
    expect(costs.map(({ repeated }) => repeated)).toEqual([1, 1]);
  });

  test("what was deleted is done again, and that is not the kill's cost", () => {
    const requests = [request(0, 10), request(1, 20), request(0, 40), request(1, 50)];
    const runs = attempts([5, "died"], [30, "other"]);
    const repeated = (losses: number[]) =>
      findKillCosts("a", requests, runs, [kill], losses).map((cost) => cost.repeated);
    expect(repeated([])).toEqual([2]);
    expect(repeated([12])).toEqual([0]);
    expect(repeated([4])).toEqual([2]);
  });

  test("what began again for another reason is not its cost, and neither is what it did not meet", () => {
    const requests = [request(0, 10), request(1, 20), request(0, 40), request(1, 50)];
    const runs = attempts([5, "other"], [30, "other"]);
    expect(findKillCosts("a", requests, runs, [kill])).toEqual([
      { task: "a", open: false, repeated: 0 },
    ]);
    expect(findKillCosts("a", requests, runs, [{ at: 90, what: "process" }])).toEqual([]);
    const ofDatabase = findKillCosts("a", requests, runs, [{ at: 25, what: "database" }]);
    expect(ofDatabase).toEqual([{ task: "a", open: false, repeated: 2 }]);
  });
});

test("intervals and percentiles", () => {
  const { high, low } = wilson(10, 10);
  expect([low.toFixed(3), high]).toEqual(["0.722", 1]);
  expect(wilson(0, 0)).toEqual({ low: 0, high: 1 });
  expect(tellTimes([3, 1, 2])).toBe("p50 2 ms, p95 3 ms, at most 3 ms, of 3");
});
