import { expect, test } from "vitest";
import { acceptedBefore, acceptOpen, leaveOutOpen } from "../../src/core/proof/accepted-judges.ts";
import type { JudgeChange, Verdict } from "../../src/core/proof/verdict.ts";
import {
  acceptByQuote,
  acceptByWords,
  type Grounds,
} from "../../src/verifier/experiments/accept-by-words.ts";

/** Who may say that a file which judges the work may change, and whose words count for nothing. */
const judge = (set: Partial<JudgeChange> = {}): JudgeChange => ({
  ...{ path: "test/total.test.js", status: "modified", kind: "test", why: "`npm test` runs it" },
  ...{ content: "c1", weaker: null, accepted: null },
  ...set,
});

type Set = {
  task?: Record<string, unknown>;
  subtask?: Record<string, unknown>;
  subtasks?: unknown[];
  answers?: string[];
};
const origin = { source: "cli", outsideText: null };
function grounds({ answers = [], subtask, subtasks, task }: Set = {}): Grounds {
  return {
    task: {
      ...{ goal: "Mend it", allow: [], allowTestChanges: false, approval: "none", origin },
      ...{ planInput: null, ...task },
    },
    subtask: { key: "a", depth: 0, brief: "", title: "All of it", writes: [], ...subtask },
    subtasks: subtasks ?? [],
    answers,
  } as unknown as Grounds;
}
const by = (set: Set, one: Partial<JudgeChange> = {}) =>
  acceptByWords([judge(one)], grounds(set))[0]?.accepted ?? null;
const writes = ["test/**/total.test.js"];
const planInput = { subtasks: [{ id: "a" }] };
const protectedOne = { kind: "protected", path: ".github/workflows/ci.yml" } as const;
const isWeaker = { weaker: '`test("adds", …)` is gone' };

test("flags", () => {
  expect(by({})).toBeNull();
  const allowTestChanges = { task: { allowTestChanges: true } };
  expect(by(allowTestChanges)).toEqual({ by: "flag", evidence: "--allow-test-changes" });
  expect(by(allowTestChanges, isWeaker)).not.toBeNull();
  expect(by(allowTestChanges, protectedOne)).toBeNull();
  const allow = { task: { allow: ["docs", ".github/workflows/*.yml"] } };
  expect(by(allow)).toBeNull();
  expect(by(allow, protectedOne)?.evidence).toBe("--allow .github/workflows/*.yml");
});

test("a plan of the caller's, or one that a person approved, names its files", () => {
  for (const task of [{ planInput }, { approval: "plan" }]) {
    expect(by({ task, subtask: { writes } })).toMatchObject({ by: "plan" });
    const named = { writes: [protectedOne.path] };
    expect(by({ task, subtask: named }, protectedOne)?.by).toBe("plan");
  }
  expect(by({ task: { planInput }, subtask: { writes: ["test/*"] } })).toBeNull();
  expect(by({ task: { planInput }, subtask: { writes: ["test/"] } })).toBeNull();
});

test("a planner's counts for less, and an agent's own for nothing", () => {
  expect(by({ subtask: { writes } })?.by).toBe("plan");
  expect(by({ subtask: { writes } }, isWeaker)).toBeNull();
  expect(by({ subtask: { writes: [protectedOne.path] } }, protectedOne)).toBeNull();
  const outside = { ...origin, outsideText: "please" };
  expect(by({ task: { origin: outside }, subtask: { writes } })).toBeNull();
  expect(by({ task: { planInput }, subtask: { writes, depth: 1, key: "b" } })).toBeNull();
  const parts = [{ state: "superseded", acceptedJudges: [], verdict: null, gateVerdict: null }];
  const later = { task: { approval: "plan" }, subtask: { writes }, subtasks: parts };
  expect(by(later, isWeaker)).toBeNull();
});

test("the goal, the caller's brief and a person's answers, by naming the file", () => {
  const goal = "Round half up.\nUpdate test/total.test.js for it.";
  expect(by({ task: { goal } })).toEqual({
    by: "goal",
    evidence: "Update test/total.test.js for it.",
  });
  expect(by({ task: { goal: "Make test/total.test.js pass" } })).toBeNull();
  expect(by({ answers: ["yes, update total.test.js"] })?.by).toBe("goal");
  const brief = "Update test/total.test.js";
  expect(by({ subtask: { brief } })).toBeNull();
  expect(by({ task: { planInput }, subtask: { brief } })?.by).toBe("goal");
  expect(by({ task: { origin: { ...origin, outsideText: brief } } })).toBeNull();
});

test("a reviewer's quote is looked up, and names what is weaker", () => {
  const words = ['Round half up, so the total of 2.5 is to be 3.\nThe test "adds" may go.'];
  const quote = (text: string, one: Partial<JudgeChange> = {}) =>
    acceptByQuote(judge(one), ["test/total.test.js"], text, words);
  expect(quote("the total of 2.5\n is to be 3")).toMatchObject({ by: "reviewer" });
  expect(quote("the total of 2.5 is to be 4")).toBeNull();
  expect(quote("half up")).toBeNull();
  expect(quote("the total of 2.5 is to be 3", isWeaker)).toBeNull();
  expect(
    acceptByQuote(judge(), [], "do not touch the tests", ["do not touch the tests"]),
  ).toBeNull();
  expect(quote('The test "adds" may go.', isWeaker)).not.toBeNull();
  expect(quote('The test "adds" may go.', { weaker: 'test "adds" is gone' })).not.toBeNull();
  expect(quote("the total of 2.5 is to be 3", { weaker: 'test "total" is gone' })).toBeNull();
});

test("what was accepted are these bytes", () => {
  const accepted = { acceptedJudges: [{ path: judge().path, content: "c1", evidence: "accept" }] };
  const subtasks = [{ ...accepted, state: "completed", verdict: null, gateVerdict: null }];
  expect(by({ subtasks })).toEqual({ by: "person", evidence: "accept" });
  expect(by({ subtasks }, { content: "c2" })).toBeNull();
  expect(by({ subtasks }, { content: null })).toBeNull();
  const verdict = { judges: [judge({ accepted: { by: "reviewer", evidence: "q" } })] };
  const earlier = [
    { acceptedJudges: [], verdict: verdict as unknown as Verdict, gateVerdict: null },
  ];
  expect(acceptedBefore(earlier, judge())?.by).toBe("reviewer");
});

test("what an answer takes, and what it leaves out", () => {
  const verdict = { judges: [judge(), judge({ path: "b", content: null })] } as unknown as Verdict;
  const subtask = { acceptedJudges: [], withoutPaths: [{ path: "old", content: "x" }] };
  expect(leaveOutOpen(subtask, verdict)).toEqual([
    { path: "old", content: "x" },
    { path: "test/total.test.js", content: "c1" },
    { path: "b", content: null },
  ]);
  expect(acceptOpen(subtask, verdict, " accept ").map(({ path }) => path)).toEqual([
    "test/total.test.js",
    "b",
    "old",
  ]);
});
