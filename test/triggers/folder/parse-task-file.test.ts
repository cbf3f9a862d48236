import { expect, test } from "vitest";
import { parseTaskFile } from "../../../src/triggers/folder/parse-task-file.ts";

const defaults = { repository: "/srv/app", checks: ["npm test"] };

test("a file's own fields come before those of the rule, and the text is the goal", () => {
  const text =
    "---\r\nchecks: [make]\r\nbudget: { usd: 2 }\r\n---\r\n\r\n# Fix it\r\n\r\n---\r\nAll.\r\n";
  expect(parseTaskFile(text, "f.md", defaults)).toEqual({
    repository: "/srv/app",
    checks: ["make"],
    budget: { usd: 2 },
    goal: "# Fix it\n\n---\nAll.",
  });
  const goal = { ...defaults, goal: "Fix it" };
  expect(parseTaskFile("\ufeffFix it\n", "f.md", defaults)).toEqual(goal);
  expect(parseTaskFile("---\n---\nFix it", "f.md", defaults)).toEqual(goal);
});

test.each([
  [
    "no repository",
    "Fix it",
    {},
    /^f\.md, line 1: "repository" is missing; it must be a string\.$/,
  ],
  [
    "no text",
    "---\nagent: codex\n---\n\n",
    defaults,
    /line 4: the goal is missing: write it below/,
  ],
  ["nothing", "", defaults, /line 1: the goal is missing/],
  [
    "no end",
    "---\nagent: codex\nFix it\n",
    defaults,
    /line 1: the front matter that begins here has no/,
  ],
  [
    "a typo",
    "---\nagent: codex\nchekcs: [a]\n---\nFix it",
    defaults,
    /line 3: .*unknown field: "chekcs"/,
  ],
  [
    "a wrong type",
    "---\n\nchecks:\n  - 5\n---\nFix it",
    defaults,
    /line 4: "checks\[0\]" must be a string/,
  ],
  [
    "an unknown agent",
    "---\nagent: gpt\n---\nFix it",
    defaults,
    /line 2: "agent" is no known agent/,
  ],
  ["a goal above", "---\ngoal: x\n---\nFix it", defaults, /line 2: "goal" is the text below/],
  ["broken YAML", "---\nagent: codex\nchecks: [a\n---\nFix it", defaults, /line [34]: /],
  ["a list", "---\n- a\n---\nFix it", defaults, /line 2: the front matter must be lines like/],
  ["too much text", "x".repeat(70_000), defaults, /line 1: .* at most 64000 characters/],
])("%s is refused with its line", (_, text, rule, message) => {
  expect(() => parseTaskFile(text, "f.md", rule)).toThrow(message);
});
