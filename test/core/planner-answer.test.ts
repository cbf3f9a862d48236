import { expect, test } from "vitest";
import { readPlannerAnswer } from "../../src/core/task/planner-answer.ts";

/** What of a planner's answer is taken, what is left out, and what is told to it in words. */
const part = (id: string, set: object = {}) => ({ id, title: id, brief: "do it", ...set });
const read = (subtasks: unknown, mayPlan = true) => {
  const result = readPlannerAnswer({ reason: "r", subtasks }, mayPlan);
  return "answer" in result ? result.answer.subtasks : result.problem;
};

test("who works, what it may spend and what is approved are not the planner's to say", () => {
  const answer = readPlannerAnswer(
    {
      subtasks: [part("a", { agent: "command:evil", budget: { usd: 1e6 } })],
      approval: "approved",
      mode: "direct",
    },
    true,
  );
  expect(answer).toEqual({
    answer: {
      reason: "",
      subtasks: [
        {
          ...part("a"),
          ...{ writes: [], checks: [], depends_on: [], independent: false, kind: "work" },
        },
      ],
    },
  });
});

test.each([
  ["a cycle", [part("a", { depends_on: ["b"] }), part("b", { depends_on: ["a"] })], "a → b → a"],
  ["itself", [part("a", { depends_on: ["a"] })], "a → a"],
  ["an unknown dependency", [part("a", { depends_on: ["z"] })], 'depends on "z"'],
  ["an id twice", [part("a"), part("a")], "used twice"],
  ["nothing", [], "subtasks"],
  ["too many", Array.from({ length: 21 }, (_, i) => part(`s${i}`)), "at most 20"],
  ["no brief", [{ id: "a", title: "A" }], "subtasks.0.brief"],
  ["a bad id", [part("a b")], "subtasks.0.id"],
  ["no list", "do everything", "subtasks"],
])("%s is told in words", (_, subtasks, words) => {
  expect(read(subtasks)).toContain(words);
});

test("a part of a plan cannot be a plan again", () => {
  expect(read([part("a", { kind: "plan" })])).toHaveLength(1);
  expect(read([part("a", { kind: "plan" })], false)).toContain("no plan below it");
});

test("only parts that are both independent may run at once; the rest take their turn", () => {
  const free = { independent: true };
  const after = (subtasks: unknown) =>
    Object.fromEntries(
      (read(subtasks) as { id: string; depends_on: string[] }[]).map((s) => [s.id, s.depends_on]),
    );
  expect(after([part("a", free), part("b", free)])).toEqual({ a: [], b: [] });
  expect(after([part("a"), part("b"), part("c")])).toEqual({ a: [], b: ["a"], c: ["b"] });
  expect(
    after([
      part("docs"),
      part("left", free),
      part("right", free),
      part("end", { depends_on: ["left"] }),
    ]),
  ).toEqual({ docs: [], left: ["docs"], right: ["docs"], end: ["left", "right"] });
  // What is listed first may still depend on what comes later.
  expect(after([part("late", { depends_on: ["early"] }), part("early")])).toEqual({
    early: [],
    late: ["early"],
  });
});
