import { expect, test } from "vitest";
import type { Decision, FailureKind, Rung } from "../../src/core/task/failure.ts";
import type { SubtaskKind } from "../../src/core/task/plan.ts";
import type { Attempt, Ending } from "../../src/core/task/task.ts";
import { writeFeedback } from "../../src/recovery/write-feedback.ts";

/** What the next attempt is told, as its rung needs it. */
const verdict: Ending = { what: "verdict", stage: "verify" };
const ended: Ending = {
  ...({ what: "attempt", reason: "gave_up", failure: null, detail: "d" } as const),
  ...{ question: null, retryAt: null },
};
const attempts = [1, 2].map((number) => ({
  ...{ number, agent: "command:make it", detail: "exit 0", summary: `Did\nit ${number}.` },
  ...{ decision: { kind: "checks_failed" }, verdict: { summary: "`npm test`: exit 1" } },
  sessionId: "ses_1",
})) as unknown as Attempt[];

type More = { ending?: Ending; feedback?: string; kind?: SubtaskKind };

const failing = { ending: verdict, feedback: null, firstCountedAttempt: 1, kind: "work" } as const;

function tell(kind: FailureKind, rung: Rung, more: More = {}) {
  const subtask = { ...failing, ...more };
  const failure = { kind, signature: "s", detail: "what failed", evidence: "its output" };
  const decision = { kind, rung } as Decision;
  return writeFeedback(subtask, attempts, { ...failure, question: null, retryAt: null }, decision);
}

test("a repair: what failed, and that the files are there; not what the agent knows itself", () => {
  expect(tell("checks_failed", "repair")).toBe(
    "Your result did not pass (checks_failed): what failed\n\nits output\n\nThe worktree is as you left it. Find the cause and repair it there; what is right may stay.",
  );
  expect(tell("content_rejected", "repair", { ending: ended })).not.toContain("its output");
});

test.each<Rung>(["fresh", "fallback"])(
  "%s: what failed, and all that was tried, in lines",
  (rung) => {
    expect(tell("checks_failed", rung)).toBe(
      "The previous attempt failed (checks_failed): what failed\n\nits output\n\nTried before that, and failed:\n- attempt 1 (command): checks_failed, `npm test`: exit 1; its agent said: Did it 1.\n\nThe worktree is back at its base: nothing of that attempt is left in it.",
    );
  },
);

test("a fresh attempt is told how to read the former change, where there was one", () => {
  const [first, second] = attempts;
  const former = { ...second, baseCommit: "b1", commit: "c2" } as Attempt;
  const failure = { kind: "checks_failed", signature: "s", detail: "d", evidence: "" } as const;
  const told = (last: Attempt, rung: Rung) =>
    writeFeedback(
      failing,
      [first as Attempt, last],
      { ...failure, question: null, retryAt: null },
      { kind: "checks_failed", rung } as Decision,
    );
  expect(told(former, "fresh")).toContain("`git diff b1 c2 --binary | git apply`");
  expect(told(former, "repair")).not.toContain("git diff");
  expect(told({ ...former, commit: "b1" }, "fresh")).not.toContain("git diff");
});

test.each<FailureKind>(["lost", "rate_limit_window", "model_unavailable", "infrastructure"])(
  "interrupted by %s: what was to be settled stays to be settled",
  (kind) => {
    const more = { ending: ended, feedback: "Repair it." };
    expect(tell(kind, "continue", more)).toBe("Repair it.");
  },
);

test.each<Rung>(["fresh", "help"])(
  "a planner that ends without a plan, then %s: why it plans",
  (rung) => {
    const more = { ending: ended, feedback: "The walls are crooked.", kind: "replan" } as const;
    expect(tell("agent_failed", rung, more)).toBe("The walls are crooked.");
  },
);

test("a person's retry starts without the old attempts", () => {
  const failure = { kind: "checks_failed", signature: "s", detail: "d", evidence: "" } as const;
  const told = writeFeedback(
    { ...failing, firstCountedAttempt: 2 },
    ...([attempts, { ...failure, question: null, retryAt: null }] as const),
    { kind: "checks_failed", rung: "fresh" } as Decision,
  );
  expect(told).not.toContain("Tried before");
});
