import { expect, test } from "vitest";
import type { Attempt, Task } from "../../src/core/task/task.ts";
import { describePull } from "../../src/delivery/describe-pull.ts";

const goal = "Resolve the issue described below.\n\nThis is issue #7 of acme/app.";
const about = (origin: Partial<Task["origin"]>) =>
  ({ id: "task_1", goal, origin: { replyTo: null, ...origin } }) as Task;
const done = [{ endReason: "done", summary: "Fixes #1, thanks @ada." }] as Attempt[];

test("a pull request says what it closes, the goal, what the agent says and how to comment", () => {
  const text = describePull(about({ replyTo: "acme/app#7", closes: true }), done, (said) => said);
  expect(text.split("\n\n")).toEqual([
    "Closes acme/app#7.",
    "The goal:",
    "> Resolve the issue described below.\n> \n> This is issue ＃7 of acme/app.",
    "The agent says:",
    "> Fixes ＃1, thanks ＠ada.",
    expect.stringContaining('`deputy comment task_1 FILE:LINE "what and why"`'),
    "",
  ]);
});

test("it closes nothing where the rule's goal may be less than the issue", () => {
  const text = describePull(about({ replyTo: "acme/app#7", closes: false }), [], (said) => said);
  expect(text).toMatch(/^For acme\/app#7\.\n\n/);
  expect(describePull(about({}), [], (said) => said)).toMatch(/^The goal:/);
});
