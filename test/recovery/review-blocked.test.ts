import { expect, test } from "vitest";
import type { Review, ReviewFinding } from "../../src/core/review/review.ts";
import type { Attempt, Subtask } from "../../src/core/task/task.ts";
import { classify } from "../../src/recovery/classify.ts";
import { decide } from "../../src/recovery/decide.ts";
import type { PastFailure } from "../../src/recovery/ladder.ts";

/** Rounds with reviewers are no failed attempts: they have an end of their own, and it is a question. */
const finding: ReviewFinding = {
  ...{ id: "F1", priority: 1, file: "a.js", lines: { from: 3, to: 4 }, claim: "it forgets zero" },
  evidence: { kind: "command", command: "node -e 1" },
  proof: { holds: "yes", detail: "fails (exit 1)", output: "AssertionError", where: null },
  ...{ seats: [1], raisedOn: 1, state: { is: "open" }, upheld: null },
};

const options = {
  ...{ backoffBaseMs: 1_000, chance: 0, now: new Date() },
  place: { number: 1, firstCounted: 1 },
  left: { hasSession: true, isUnchanged: false, fallbacks: [], mayReplan: false, failsOver: false },
  askForHelp: null,
};

function recover(set: Partial<Review>, history: PastFailure[] = []) {
  const review: Review = {
    ...{ assurance: "standard", round: 1, commit: "c", tree: "t", unchanged: false },
    ...{ reviewers: [], notDone: [], findings: [finding] },
    ...set,
  };
  const verdict = { result: "fail", summary: "", checks: [], findings: [], notChecked: [], review };
  const subtask = { ending: { what: "verdict", stage: "verify" }, verdict } as unknown as Subtask;
  const failure = classify(subtask, null as Attempt | null);
  return {
    failure,
    decision: decide(failure, history, options),
  };
}

test("another round at once, with the findings, however often checks failed before", () => {
  const checks = { kind: "checks_failed", signature: "s", rung: "repair" } as const;
  const { failure, decision } = recover({}, [checks, checks]);
  expect(decision).toMatchObject({ rung: "continue", kind: "review_blocked", delayMs: 0 });
  expect(failure.evidence).toContain("F1 (priority 1) in a.js:3-4: it forgets zero");
  expect(failure.evidence).toContain("AssertionError");
});

test("rounds use up no attempt", () => {
  const blocked = { kind: "review_blocked", signature: "s", rung: "continue" } as const;
  const failed = {
    ending: { what: "attempt", reason: "gave_up", failure: null, detail: "exit 1" },
  };
  const failure = classify(failed as unknown as Subtask, null);
  expect(decide(failure, [blocked, blocked, blocked], options).action).toBe("retry");
});

test("the last round and one that changed nothing end in a question", () => {
  for (const set of [{ round: 3 }, { unchanged: true }]) {
    const { decision } = recover(set);
    expect(decision).toMatchObject({ action: "ask", kind: "review_blocked" });
    expect(decision).toHaveProperty(
      "question",
      expect.stringMatching(/F1.*forgets zero[\s\S]*"accept"/),
    );
  }
});

test("a hundred findings stay a brief that can be read", () => {
  const findings = Array.from({ length: 100 }, (_, at) => ({
    ...finding,
    ...{ id: `F${at + 1}`, claim: "long ".repeat(400) },
  }));
  const { evidence } = recover({ findings }).failure;
  expect(evidence.length).toBeLessThan(16_000);
  expect(evidence).toContain("80 more will be told");
  expect(evidence).toMatch(/END OUTSIDE TEXT/);
});
