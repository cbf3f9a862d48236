import { expect, test } from "vitest";
import { toAttempt } from "../../src/store/database/rows.ts";

/** Decisions that were stored before they named their rung can still be read, and climbed from. */
const row = {
  ...{ id: "att_1", number: 1, epoch: 1, startedAt: new Date(), endedAt: null, endReason: null },
  ...{ failure: null, discoveries: [], followUps: [], verdict: null, gateVerdict: null },
  confinement: null,
};
const base = { signature: "s", reason: "because" };

test.each([
  [{ ...base, action: "retry", kind: "checks_failed", delayMs: 0 }, "fresh"],
  [{ ...base, action: "retry", kind: "lost", delayMs: 0 }, "continue"],
  [{ ...base, action: "retry", kind: "review_blocked", delayMs: 0 }, "continue"],
  [{ ...base, action: "retry", kind: "checks_failed", delayMs: 0, rung: "repair" }, "repair"],
  [{ ...base, action: "ask", kind: "question", question: "?" }, "ask"],
  [{ ...base, action: "give_up", kind: "checks_failed" }, "give_up"],
])("%j is on the rung %s", (decision, rung) => {
  expect(toAttempt({ ...row, decision } as never).decision).toEqual({ ...decision, rung });
});

test("a rung that is no word of ours is named as the row's fault", () => {
  const decision = { ...base, action: "give_up", kind: "checks_failed", rung: "jump" };
  expect(() => toAttempt({ ...row, decision } as never)).toThrow(/decision.*rung/);
});
