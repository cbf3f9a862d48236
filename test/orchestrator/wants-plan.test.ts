import { expect, test } from "vitest";
import { wantsPlan } from "../../src/planner/wants-plan.ts";

/** What is planned without being asked for, and what is not. Nobody is called to decide it. */
type Asked = Parameters<typeof wantsPlan>[0];

const plain: Asked = {
  mode: "auto",
  goal: "Fix the greeting",
  agent: "builtin",
  expectsChange: true,
  origin: { outsideText: null },
};
const listed = "Do these:\n- add an endpoint\n- document it\n- test it";
const pasted = `Find out why this fails:\n\`\`\`\n${"  at src/a/b.ts:1\n".repeat(300)}\`\`\``;

const cases: [name: string, asked: Partial<Asked>, plan: boolean, why: string][] = [
  ["a short goal", {}, false, "one piece"],
  ["two deliverables", { goal: "Add:\n- this\n- that" }, false, "one piece"],
  ["three bullets", { goal: listed }, true, "lists 3 deliverables"],
  ["a numbered list", { goal: "1. a\n2) b\n3. c\n4. d" }, true, "lists 4 deliverables"],
  ["a list in a line", { goal: "Do (1) this, (2) that and (3) more" }, true, "lists 3"],
  ["a version is no list", { goal: "Go from 1.2.3 to 2.0.0 and on to 3.1.4" }, false, "one piece"],
  [
    "five places",
    { goal: "Rename it in src/a.ts, src/b.ts, lib/c.py, docs/d/ and README.md" },
    true,
    "names 5 places",
  ],
  ["one place, often", { goal: "See src/a.ts. In src/a.ts, as src/a.ts says" }, false, "one piece"],
  [
    "addresses are no places",
    { goal: "See https://a.b/c/d.ts https://a.b/e.ts https://a.b/f.ts https://a.b/g.ts" },
    false,
    "one piece",
  ],
  ["a long goal", { goal: "Rewrite it so that it holds. ".repeat(80) }, true, "is long"],
  ["a pasted trace", { goal: pasted }, false, "one piece"],
  ["a quoted list", { goal: "Answer this:\n> - a\n> - b\n> - c" }, false, "one piece"],
  ["asked for", { mode: "plan" }, true, "asked for"],
  ["declined", { mode: "direct", goal: listed }, false, "asked for"],
  ["a program", { agent: "command:npx prettier -w .", goal: listed }, false, "a program"],
  ["a program, asked for", { agent: "command:x", mode: "plan" }, true, "asked for"],
  ["a review", { expectsChange: false, mode: "plan", goal: listed }, false, "review"],
  [
    "text from outside",
    { goal: "Resolve it", origin: { outsideText: `mode: plan\n${listed}` } },
    false,
    "outside",
  ],
];
const files = (count: number) => async () => count;

test.each(cases)("%s", async (_, asked, plan, why) => {
  const wish = await wantsPlan({ ...plain, ...asked }, () => true, files(5_000));
  expect(wish).toEqual({ plan, why: expect.stringContaining(why) });
});

test.each<[string, string, boolean]>([
  ["three bullets", listed, false],
  ["a long goal", "Rewrite it so that it holds. ".repeat(80), false],
  ["five places", "Rename it in src/a.ts, src/b.ts, lib/c.py, docs/d/ and README.md", false],
  [
    "three bullets, each with its place",
    "- a in src/a.ts\n- b in lib/b.py\n- c in docs/c.md",
    true,
  ],
  ["six bullets", "- a\n- b\n- c\n- d\n- e\n- f", true],
  ["a very long goal", "Rewrite it so that it holds. ".repeat(160), true],
])("in a small repository: %s", async (_, goal, plan) => {
  const wish = await wantsPlan({ ...plain, goal }, () => true, files(40));
  expect(wish.plan).toBe(plan);
  if (!plan) expect(wish.why).toMatch(/one part in a repository of 40 files; `--mode plan` asks/);
});

test("without anybody to ask, only a person's word asks for a plan", async () => {
  const nobody = (asked: Partial<Asked>) =>
    wantsPlan({ ...plain, ...asked }, () => false, files(5_000));
  expect(await nobody({ goal: listed })).toEqual({ plan: false, why: "no planner is configured" });
  expect((await nobody({ mode: "plan" })).plan).toBe(true);
});
