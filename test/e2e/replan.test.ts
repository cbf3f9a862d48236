import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { makePrograms, type Programs, part, type Story } from "../support/planner.ts";
import { until } from "../support/until.ts";

/** A part whose attempts are used up is planned anew: by other parts, on what is finished, and bounded. */
let programs: Programs;
const { deputy, receiptOf, repository, scratch, show, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
  start: false,
});

beforeAll(async () => {
  programs = await makePrograms(scratch);
  const roles = { planner: { agent: programs.planner }, coder: { agent: programs.coder } };
  await writeFile(join(deputy.home, "config.yaml"), JSON.stringify({ roles }));
  await deputy.start();
});

const start = (story: Story, more: Json = {}) =>
  submit({ goal: `Build a house ${story.tag}`, mode: "plan", ...more });
const walls = part("walls", { checks: ["grep -qx straight walls.txt"] });
const stateOf = (task: Json, key: string) =>
  task.subtasks.find((subtask: Json) => subtask.key === key)?.state;

test("other parts take its place, told of its history; what is finished stays", async () => {
  const story = await programs.tell("anew");
  const ground = part("ground");
  await story.answers(
    { reason: "", subtasks: [ground, walls, part("roof", { depends_on: ["walls"] })] },
    // What failed is not tried again under another name.
    { reason: "", subtasks: [{ ...walls, id: "same", title: "Another title" }] },
    {
      reason: "The walls need a frame.",
      subtasks: [part("frame"), part("boards", { depends_on: ["frame"] })],
    },
  );
  await story.does("walls", "echo crooked > walls.txt");
  const id = await start(story);
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  const task = await show(id);
  expect(task.subtasks.map(({ key, state, replans }: Json) => [key, state, replans])).toEqual([
    ["ground", "completed", 0],
    ["walls", "superseded", 0],
    ["roof", "completed", 0],
    ["walls-frame", "completed", 1],
    ["walls-boards", "completed", 1],
  ]);
  const roof = task.subtasks.find(({ key }: Json) => key === "roof");
  expect(roof.depends_on).toContain("walls-boards");
  expect(roof.depends_on).not.toContain("walls");
  const ground1 = (await deputy.events(id)).filter(
    ({ type, data }) => type === "attempt.started" && data.key === "ground",
  );
  expect(ground1).toHaveLength(1);

  const [, first, second] = await story.briefs();
  expect(first).toContain("# The part to plan: ");
  expect(first).toContain("# Why it is planned anew");
  expect(first).toContain("The previous attempt failed (checks_failed)");
  expect(first).toContain("- attempt 1 (command): checks_failed");
  expect(first).toContain('Finished, and in the files that you see:\n- "ground": ');
  expect(first).toContain('Other parts, not for you to plan:\n- "roof": ');
  expect(second).toContain("it is a plan that was worked on before, and failed");
  // It reads what its siblings have finished meanwhile.
  expect(repository.git("show", `${done.branch}:ground.txt`)).toBe("ground");

  const events = await deputy.events(id);
  const rungs = events.filter(({ type }) => type === "recovery.decided");
  expect(rungs.map(({ data }) => data.rung)).toEqual(["fresh", "replan"]);
  expect(rungs[1]?.message).toBe(
    "Recovery: a planner replaces it by other parts after 2 attempts, because a fresh attempt led to the same failure: `grep -qx straight walls.txt`: exit 1",
  );
  const [revised] = events.filter(({ type }) => type === "plan.revised");
  expect(revised?.message).toContain("The walls need a frame.");
  expect(revised?.data.diff).toEqual([
    expect.stringContaining("- walls: "),
    expect.stringContaining("+ walls-frame: "),
    expect.stringContaining("+ walls-boards: "),
    "~ roof: now after walls-boards",
  ]);
  const receipt = await receiptOf(id);
  expect(receipt.plan.revisions[0].reason).toContain("because its attempts failed");
  const ladder = await deputy.cli(["ladder", id]);
  expect(ladder.stdout).toMatch(/plan it anew +#3 +a planner replaces it/);
});

test("a lineage is planned anew twice, and a killed daemon neither forgets nor repeats it", async () => {
  const story = await programs.tell("bounded");
  const wrong = (id: string) => part(id, { checks: ["test straight = crooked"] });
  await story.answers(
    ...["one", "two", "three", "four"].map((id) => ({ reason: "", subtasks: [wrong(id)] })),
  );
  const id = await start(story);
  const isAt = (key: string) => async () => stateOf(await show(id), key) !== undefined;
  await until(isAt("one-two"), "the second plan");
  await deputy.kill();
  await deputy.start();
  const over = await deputy.untilOver(id);
  expect(over.state).toBe("failed");
  const { subtasks } = await show(id);
  expect(subtasks.map(({ key, state, replans }: Json) => [key, state, replans])).toEqual([
    ["one", "superseded", 0],
    ["one-two", "superseded", 1],
    ["one-two-three", "failed", 2],
  ]);
  expect(await story.briefs()).toHaveLength(3);
});

test.each([
  ["a person wanted it done directly", { mode: "direct" }],
  ["its coder is a command and nobody asked for a plan", { mode: "auto" }],
])("nothing is planned anew where %s", async (_, more) => {
  const story = await programs.tell(`not-${more.mode}`);
  await story.does("main", "echo crooked > walls.txt");
  const id = await start(story, { ...more, checks: ["grep -qx straight walls.txt"] });
  expect((await deputy.untilOver(id)).state).toBe("failed");
  expect(await story.briefs()).toEqual([]);
});

test("nothing is planned anew that would leave out a person's own checks", async () => {
  const story = await programs.tell("held");
  await story.answers({ reason: "Do less.", subtasks: [part("frame")] });
  await story.does("walls", "echo crooked > walls.txt");
  const checks = ["grep -qx straight walls.txt"];
  const plan = { subtasks: [{ id: "walls", title: "The walls", checks }] };
  const id = await start(story, { plan });
  expect((await deputy.untilOver(id)).state).toBe("failed");
  expect(await story.briefs()).toEqual([]);
});

test("a planner that cannot plan it ends it with the reason", async () => {
  const story = await programs.tell("lost");
  await story.answers({ reason: "", subtasks: [walls] }, { reason: "" }, { reason: "" });
  await story.does("walls", "echo crooked > walls.txt");
  const over = await deputy.untilOver(await start(story));
  expect(over.state).toBe("failed");
  expect(over.end_detail).toContain("the planner was asked twice and gave no plan that can be run");
  expect(await story.briefs()).toHaveLength(3);
});
