import { expect, test } from "vitest";
import type { LadderDetailView } from "../../src/api/task/ladder.ts";
import { renderLadder } from "../../src/cli/render/render-ladder.ts";
import type { Decision, Rung } from "../../src/core/task/failure.ts";
import type { Attempt } from "../../src/core/task/task.ts";
import { describeLadder } from "../../src/recovery/describe-ladder.ts";

/** What `deputy ladder` says: the rungs taken, and what one more failure like the last would lead to. */
const subtask = {
  ...{ agent: "builtin", fallback: null, firstCountedAttempt: 1, key: "fix" },
  ...{ state: "running" as const, kind: "work" as const, baseCommit: "c0" },
};
const larger = { agent: "builtin", model: "larger" };
const nobody = { fallbacks: [], mayReplan: false, asksForHelp: false };
const others = { ...nobody, fallbacks: [larger] };

function attemptsOf(rungs: readonly (Rung | null)[], signature = "s"): Attempt[] {
  return rungs.map((rung, at) => {
    const kind = rung === "continue" ? "lost" : "checks_failed";
    const words = { kind, signature, reason: `took ${rung}` };
    const more = rung === "fallback" ? { fallback: larger } : {};
    const decision = rung && { rung, ...words, ...more };
    const base = { number: at + 1, baseCommit: "c0", report: null, endedAt: new Date(0) };
    return { ...base, decision: decision as Decision | null } as Attempt;
  });
}

test("before any failure it says what a red check would lead to", () => {
  const ladder = describeLadder(subtask, attemptsOf([null]), others);
  expect(ladder).toMatchObject({ counted: 0, limit: 6, on: null });
  expect(ladder.rungs.map(({ rung }) => rung)).toEqual(["repair", "fresh", "fallback", "give_up"]);
  expect(ladder.next).toEqual({
    rung: "repair",
    reason: "attempt 2 of 6 repairs it in the same session (a check is red)",
  });
  const command = { ...subtask, agent: "command:make it" };
  expect(describeLadder(command, attemptsOf([null]), nobody).next?.rung).toBe("fresh");
});

test.each<[(Rung | null)[], Rung]>([
  [["repair", null], "fresh"],
  [["repair", "continue", null], "fresh"],
  [["repair", "fresh", null], "fallback"],
  [["repair", "fresh", "fallback", null], "repair"],
  [["repair", "fresh", "fallback", "repair", null], "give_up"],
])("after %j the same failure leads to %s", (rungs, next) => {
  expect(describeLadder(subtask, attemptsOf(rungs), others).next?.rung).toBe(next);
});

test("each rung lists the attempts that took it, also one whose agent is configured no more", () => {
  const attempts = attemptsOf(["repair", "fresh", "fallback", null]);
  const ladder = describeLadder(subtask, attempts, nobody);
  const used = ladder.rungs.map(({ rung, used }) => [rung, ...used.map(({ attempt }) => attempt)]);
  expect(used).toEqual([["repair", 2], ["fresh", 3], ["fallback", 4], ["give_up"]]);
});

test("with a planner and a person to ask, both come before giving up", () => {
  const above = { ...others, mayReplan: true, asksForHelp: true };
  const ladder = describeLadder(subtask, attemptsOf(["fresh", "fallback", null]), above);
  expect(ladder.rungs.map(({ rung }) => rung)).toEqual([
    ...["repair", "fresh", "fallback", "replan", "help"],
  ]);
  const tried = attemptsOf(["repair", "fresh", "fallback", "repair", null]);
  expect(describeLadder(subtask, tried, above).next?.rung).toBe("replan");
  const helped = { ...subtask, state: "waiting" as const };
  expect(describeLadder(helped, attemptsOf(["fresh", "help"]), above).next).toBeNull();
  const planned = { ...above, mayReplan: false };
  expect(describeLadder(subtask, tried, planned).next).toEqual({
    rung: "help",
    reason:
      "asks for help after 5 attempts, because builtin with larger failed as well: the same again",
  });
});

test("a retry starts at the bottom again, and what is over has nothing next", () => {
  const attempts = attemptsOf(["repair", "fresh", "give_up"]);
  const reopened = { ...subtask, firstCountedAttempt: 4 };
  expect(describeLadder(reopened, attempts, nobody)).toMatchObject({ counted: 0, on: null });
  expect(describeLadder({ ...subtask, state: "failed" }, attempts, nobody).next).toBeNull();
});

test("the page for people", () => {
  const ladder = describeLadder(subtask, attemptsOf(["repair", null]), others);
  const page = renderLadder({ id: "task_1", subtasks: [ladder] } as LadderDetailView);
  expect(page.split("\n").map((line) => line.trimEnd())).toEqual([
    "fix (running): 1 of 6 attempts failed",
    "  repair in the same session  #2  took repair",
    "  start afresh                –",
    "  builtin with larger         –",
    "  give up                     –",
    "  if it fails so again: attempt 3 of 6 from a clean base, with what was tried in its brief, because a repair led to the same failure (the same again)",
  ]);
  expect(renderLadder({ id: "task_1", subtasks: [] })).toBe("task_1 has no plan yet.");
});

test("late work that is not taken over yet comes before another attempt, and is said", () => {
  const [first, second] = attemptsOf(["continue", null]);
  const report = { commit: "c1" } as Attempt["report"];
  const attempts = [{ ...first, report } as Attempt, { ...second, endedAt: null } as Attempt];
  const ladder = describeLadder(subtask, attempts, others);
  expect(ladder.late).toBe(1);
  const view = { id: "task_1", subtasks: [ladder] } as LadderDetailView;
  expect(renderLadder(view)).toContain(
    "attempt 1 finished after it was given up: its work is verified before another attempt is made",
  );
  expect(describeLadder({ ...subtask, state: "completed" }, attempts, others).late).toBeNull();
  expect(describeLadder({ ...subtask, baseCommit: "c2" }, attempts, others).late).toBeNull();
});
