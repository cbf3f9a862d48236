import { expect, test } from "vitest";
import { splitOrchestration } from "../../src/core/budget/orchestration-share.ts";
import { noUsage } from "../../src/core/budget/usage.ts";

/** Each attempt costs a dollar; `failures` are how they ended, null: well. */
function share(...failures: (string | null)[]) {
  const attempts = failures.map((failure, at) => ({
    ...{ id: `att_${at}`, subtaskId: "sub_1", number: at + 1, failure },
  }));
  const rows = attempts.map(({ id }) => ({
    ...{ ...noUsage, role: "coder" as const, attemptId: id, costUsd: 1 },
  }));
  const { recovery, work } = splitOrchestration(rows, attempts, true);
  return { recovery: recovery.costUsd, work: work.costUsd };
}

test.each<[string, (string | null)[], number]>([
  ["an attempt after one that failed", ["checks_failed", null], 1],
  ["a round that a reviewer made", ["review_blocked", null], 1],
  ["what goes on after a question and a pause", ["question", "parked", null], 0],
  ["what goes on with recovery", ["checks_failed", "lost", null], 2],
  ["what a comment asked for, and what failed about it", [null, "timed_out", null], 1],
])("recovery is %s", (_, failures, recovery) => {
  expect(share(...failures)).toEqual({ recovery, work: failures.length - recovery });
});

test("a subtask's failure says nothing about another's attempt", () => {
  const attempts = [
    { id: "att_1", subtaskId: "sub_1", number: 1, failure: "checks_failed" },
    { id: "att_2", subtaskId: "sub_2", number: 1, failure: null },
  ];
  const row = { ...noUsage, role: "coder" as const, attemptId: "att_2", costUsd: 1 };
  expect(splitOrchestration([row], attempts, true)).toMatchObject({ share: 0 });
});
