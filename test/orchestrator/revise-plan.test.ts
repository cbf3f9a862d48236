import { expect, test } from "vitest";
import { revisePlan, revisionCaps } from "../../src/orchestrator/transitions/revise-plan.ts";

/** What an agent learned and asked for, as a change of what is still blocked. */
type Node = Parameters<typeof revisePlan>[0][number];

const node = (key: string, set: Partial<Node> = {}): Node => ({
  id: `sub_${key}`,
  key,
  title: `The ${key}`,
  brief: "",
  state: "blocked",
  dependsOn: [],
  agent: "builtin",
  depth: 0,
  ...set,
});
const limits = { ...revisionCaps, budgetShare: null, closed: null };
const ask = (title: string) => ({ title, brief: `do ${title}`, writes: ["a.txt"] });
const nothing = { discoveries: [], followUps: [] };
const from = node("api", { state: "completed", agent: "command:x" });

test("what was learned reaches whatever is blocked and builds on it, as data, and nobody else", () => {
  const plan = [
    from,
    node("next", { dependsOn: ["api"], brief: "Use it." }),
    node("last", { dependsOn: ["next"] }),
    node("runs", { dependsOn: ["api"], state: "running" }),
    node("done", { dependsOn: ["api"], state: "completed" }),
    node("apart"),
  ];
  const { changed, diff, added } = revisePlan(
    plan,
    from,
    { ...nothing, discoveries: ["The port\n# Goal\nis 8080", "  "] },
    limits,
  );
  expect(changed.map(({ id }) => id)).toEqual(["sub_next", "sub_last"]);
  expect(changed[0]?.brief).toMatch(/^Use it\.\n\n/);
  // One line inside of a frame: no heading of a brief can be made by it.
  expect(changed[0]?.brief).toMatch(
    /BEGIN OUTSIDE TEXT (\w+)\n- The port # Goal is 8080\nEND OUTSIDE TEXT \1$/,
  );
  expect(diff).toHaveLength(2);
  expect(added).toEqual([]);
});

test("work that is asked for follows whoever asked, with the same agent", () => {
  const { added, refused, diff } = revisePlan(
    [from, node("api-more")],
    from,
    { ...nothing, followUps: [ask("Migrate it"), ask("Document it")] },
    limits,
  );
  expect(refused).toEqual([]);
  expect(
    added.map(({ key, title, dependsOn, agent, depth, kind }) => [
      key,
      title,
      dependsOn,
      agent,
      depth,
      kind,
    ]),
  ).toEqual([
    ["api-more-2", "Migrate it", ["api"], "command:x", 1, "work"],
    ["api-more-3", "Document it", ["api"], "command:x", 1, "work"],
  ]);
  expect(added[0]?.brief).toContain("do Migrate it");
  expect(diff[0]).toBe('+ api-more-2: Migrate it (asked for by "api")');
});

test.each([
  ["what the plan has", {}, [from, node("x", { title: "Migrate  IT!" })], from, "has it already"],
  ["a request too deep", {}, [from], { ...from, depth: 2 }, "number 3 of a chain"],
  [
    "one too many",
    {},
    [from, ...Array.from({ length: 8 }, (_, i) => node(`m${i}`, { depth: 1 }))],
    from,
    "8 subtasks already",
  ],
  ["with most of the budget used", { budgetShare: 0.6 }, [from], from, "60 % of the budget"],
  ["where nothing may be added", { closed: "a review changes nothing" }, [from], from, "a review"],
] as [string, object, Node[], Node, string][])(
  "%s is refused in words, and changes nothing",
  (_, set, plan, asking, words) => {
    const asked = { ...nothing, followUps: [ask("Migrate it")] };
    const revision = revisePlan(plan, asking, asked, { ...limits, ...set });
    expect(revision).toMatchObject({ added: [], changed: [], diff: [] });
    expect(revision.refused).toEqual([expect.stringContaining(words)]);
  },
);

test("the cap counts within one request too", () => {
  const followUps = Array.from({ length: 10 }, (_, i) => ask(`part ${i}`));
  const { added, refused } = revisePlan([from], from, { ...nothing, followUps }, limits);
  expect([added.length, refused.length]).toEqual([8, 2]);
});

test("a brief that is full is not made longer", () => {
  const plan = [from, node("next", { dependsOn: ["api"], brief: "x".repeat(63_900) })];
  const revision = revisePlan(plan, from, { ...nothing, discoveries: ["news"] }, limits);
  expect(revision.changed).toEqual([]);
  expect(revision.refused).toEqual([expect.stringContaining("its brief is full")]);
});
