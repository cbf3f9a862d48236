import { expect, test } from "vitest";
import type { Finding, JudgeChange, Verdict } from "../../src/core/proof/verdict.ts";
import type { Attempt, Subtask } from "../../src/core/task/task.ts";
import { classify } from "../../src/recovery/classify.ts";
import { decide } from "../../src/recovery/decide.ts";
import type { PastFailure } from "../../src/recovery/ladder.ts";

/** Work that edits what judges it costs no attempt: the agent hears once of what is weaker, a person decides. */
const judge = (set: Partial<JudgeChange> = {}): JudgeChange => ({
  ...{ path: "test/a.test.js", status: "modified", kind: "test", why: "`npm test` runs it" },
  ...{ content: "c1", weaker: null, accepted: null },
  ...set,
});
const options = {
  ...{ backoffBaseMs: 1_000, chance: 0, now: new Date() },
  place: { number: 1, firstCounted: 1 },
  left: { hasSession: true, isUnchanged: false, fallbacks: [], mayReplan: false, failsOver: false },
  askForHelp: null,
};

function recover(verdict: Partial<Verdict>, history: PastFailure[] = [], more = {}) {
  const whole = { result: "fail", summary: "s", checks: [], findings: [], notChecked: [] };
  const subtask = {
    ...{ ending: { what: "verdict", stage: "verify" }, withoutPaths: [] },
    ...{ verdict: { ...whole, ...verdict }, ...more },
  } as unknown as Subtask;
  const failure = classify(subtask, null as Attempt | null);
  return { failure, decision: decide(failure, history, options) };
}

const weaker = judge({ path: "test/b.test.js", weaker: "`assert.equal(total, 5)` is gone" });

test("a person is asked at once, about each file that nobody accepted", () => {
  const known = judge({ path: "known.snap", accepted: { by: "flag", evidence: "--allow" } });
  const { decision } = recover({ judges: [judge(), known] });
  expect(decision).toMatchObject({ action: "ask", kind: "judges_changed" });
  expect(decision).toHaveProperty(
    "question",
    expect.stringMatching(
      /edits 1 file that judges it[\s\S]*- test\/a\.test\.js \(modified; `npm test` runs it\)[\s\S]*"accept"[\s\S]*"without"/,
    ),
  );
  expect(JSON.stringify(decision)).not.toContain("known.snap");
});

test("what is weaker goes back once, in words, and is asked about the second time", () => {
  const first = recover({ judges: [judge(), weaker] });
  expect(first.decision).toMatchObject({ action: "retry", kind: "tests_weakened", delayMs: 0 });
  expect(first.failure.evidence).toContain("`assert.equal(total, 5)` is gone");
  expect(first.failure.evidence).not.toContain("test/a.test.js");
  const again = recover({ judges: [judge(), weaker] }, [
    { kind: "tests_weakened", signature: "x", rung: "continue" },
  ]);
  expect(again.decision).toMatchObject({ action: "ask", kind: "tests_weakened" });
  // What is weaker comes first.
  expect(again.decision).toHaveProperty(
    "question",
    expect.stringMatching(/b\.test\.js[\s\S]*a\.test/),
  );
});

test("neither uses up an attempt", () => {
  const history: PastFailure[] = (
    ["judges_changed", "tests_weakened", "judges_changed"] as const
  ).map((kind) => ({ kind, signature: kind, rung: "continue" }));
  const failed = {
    ending: { what: "attempt", reason: "gave_up", failure: null, detail: "exit 1" },
  };
  expect(decide(classify(failed as unknown as Subtask, null), history, options).action).toBe(
    "retry",
  );
});

test("a red check and a blocking finding come first", () => {
  const check = {
    check: { command: "npm test" },
    result: "fail",
    reason: "exit 1",
    run: { outputTail: "", detail: "exit 1" },
    newlyFailing: [],
  };
  const red = recover({ judges: [judge()], checks: [check as never] });
  expect(red.decision).toMatchObject({ rung: "repair", kind: "checks_failed" });
  const finding: Finding = { rule: "attacks_judge", blocking: true, message: "m", paths: [] };
  const bad = recover({ judges: [judge()], findings: [finding] });
  expect(bad.decision).toMatchObject({ rung: "repair", kind: "policy_violated" });
});

test("what does not pass without the files that a person left out is asked about, not failed", () => {
  const check = {
    check: { command: "npm test" },
    result: "fail",
    reason: "exit 1",
    run: { outputTail: "", detail: "exit 1" },
    newlyFailing: [],
  };
  const withoutPaths = [{ path: "test/a.test.js", content: "c1" }];
  const { decision } = recover({ checks: [check as never] }, [], { withoutPaths });
  expect(decision).toMatchObject({ action: "ask", kind: "judges_changed" });
  expect(decision).toHaveProperty(
    "question",
    expect.stringMatching(/Left out:\n- test\/a\.test\.js/),
  );
});

test("a question stays one that can be read, whatever paths are called", () => {
  const judges = Array.from({ length: 3_000 }, (_, at) =>
    judge({ path: `a\n\u001b[31m${"x".repeat(5_000)}${at}` }),
  );
  const { question } = recover({ judges }).decision as { question: string };
  expect(question.length).toBeLessThan(60_000);
  expect(question.split("\n")).toHaveLength(103);
  expect(question).toContain("and 2900 more");
  expect(question).not.toContain("\u001b");
});
