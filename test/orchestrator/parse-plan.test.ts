import { expect, test } from "vitest";
import { DeputyError } from "../../src/core/base/error.ts";
import { parsePlanYaml } from "../../src/orchestrator/intake/parse-plan.ts";

function refusal(text: string): DeputyError {
  try {
    parsePlanYaml(text);
  } catch (error) {
    if (error instanceof DeputyError) return error;
    throw error;
  }
  throw new Error("the plan was taken");
}

test("a plan is a list, alone or under `subtasks`", () => {
  const list = "- id: a\n  title: First\n- id: b\n  title: Second\n  depends_on: [a]\n";
  const nested = `subtasks:\n${list.replace(/^/gm, "  ").trimEnd()}\n`;
  expect(parsePlanYaml(list)).toEqual(parsePlanYaml(nested));
  expect(parsePlanYaml(list).subtasks.map(({ id }) => id)).toEqual(["a", "b"]);
});

test.each([
  [
    "an unknown key",
    "subtasks:\n  - id: a\n    title: A\n    depnds_on: [b]\n",
    4,
    'unknown key "depnds_on"',
  ],
  [
    "a cycle",
    "- id: a\n  title: A\n  depends_on: [c]\n- id: b\n  title: B\n  depends_on: [a]\n- id: c\n  title: C\n  depends_on: [b]\n",
    3,
    "a → c → b → a",
  ],
  ["itself", "- id: a\n  title: A\n  depends_on: [a]\n", 3, "a → a"],
  [
    "an unknown dependency",
    "- id: a\n  title: A\n  depends_on:\n    - z\n",
    4,
    '"a" depends on "z"',
  ],
  ["a double id", "- id: a\n  title: A\n- id: a\n  title: B\n", 3, '"a" is used twice'],
  ["a missing title", "- id: a\n", 1, "title"],
  ["a wrong type", "- id: a\n  title: [A]\n", 2, "title"],
  ["an unknown agent", "- id: a\n  title: A\n  agent: gpt\n", 3, "is no known agent"],
  ["broken YAML", "- id: a\n  title: A\n\tbrief: B\n", 3, "line"],
  ["nothing", "", 1, ""],
  ["a scalar", "hello", 1, ""],
])("%s is refused by its line", (_, text, line, words) => {
  const error = refusal(text);
  expect(error.message).toContain(words);
  expect(error.line).toBe(line);
  expect(error.code).toBe("invalid_input");
});
