import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { makePrograms, type Programs, part } from "../support/planner.ts";

/** A plan that a person wants to see first: shown, sent back, approved; and changed while it runs. */
const { deputy, scratch, show, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
  start: false,
});
let programs: Programs;

beforeAll(async () => {
  programs = await makePrograms(scratch);
  const roles = { planner: { agent: programs.planner }, coder: { agent: programs.coder } };
  await writeFile(join(deputy.home, "config.yaml"), JSON.stringify({ roles }));
  await deputy.start();
});

const submitPlanned = (goal: string, more: Record<string, unknown> = {}) =>
  submit({ goal, mode: "plan", ...more });
const keysOf = async (id: string): Promise<string[]> =>
  (await show(id)).subtasks.map(({ key }: { key: string }) => key);
const events = async (id: string, type: string) =>
  (await deputy.events(id)).filter((event) => event.type === type);
const untilAsked = (id: string, count: number) => {
  let asked = 0;
  return deputy.untilEvent(id, ({ type }) => type === "question.asked" && ++asked === count);
};

test("nothing runs before the plan is approved; what is approved is what was shown", async () => {
  const story = await programs.tell("approve");
  const left = part("left", { checks: [`touch ${scratch.at("ran")}`] });
  await story.answers({ reason: "two sides", subtasks: [left, part("right")] });
  const id = await submitPlanned(`Show me ${story.tag}`, { approval: "plan" });
  const asked = await untilAsked(id, 1);
  expect(asked.data.question).toContain("1. left: The left");
  const why = await deputy.cli(["why", id]);
  expect(why.stdout).toContain(`deputy answer ${id} "approve"`);
  const shown = (await deputy.cli(["show", id])).stdout;
  expect(shown).toContain("2. right: The right");
  expect(shown).toContain("Why like this: two sides");
  expect(await keysOf(id)).toEqual([]);
  expect(scratch.has("ran")).toBe(false);
  const vague = await deputy.cli(["answer", id, "reject"]);
  expect([vague.code, vague.stderr]).toEqual([2, expect.stringContaining("should be different")]);
  await deputy.cli(["answer", id, "Approve"]);
  expect(await deputy.untilOver(id)).toMatchObject({ state: "completed" });
  expect(await keysOf(id)).toEqual(["left", "right"]);
  expect(scratch.has("ran")).toBe(true);
  expect(await story.briefs()).toHaveLength(1);
});

test("what is said to a plan reaches the next planner with the plan; at the cap there is only yes or no", async () => {
  const story = await programs.tell("feedback");
  const plans = Array.from({ length: 5 }, (_, i) => ({ reason: "", subtasks: [part(`try${i}`)] }));
  await story.answers(...plans);
  const id = await submitPlanned(`Please me ${story.tag}`, { approval: "plan" });
  for (const round of [1, 2, 3, 4]) {
    await untilAsked(id, round);
    const { status } = await deputy.api("POST", `/v1/tasks/${id}/answer`, {
      answer: `Leave the database alone, ${round}`,
    });
    expect(status).toBe(200);
  }
  await untilAsked(id, 5);
  const capped = await deputy.cli(["answer", id, "Once more"]);
  expect([capped.code, capped.stderr]).toEqual([2, expect.stringContaining("5 plans were made")]);
  const briefs = await story.briefs();
  expect(briefs[0]).not.toContain("sent back");
  expect(briefs[1]).toMatch(/"id": "try0"[\s\S]*Leave the database alone, 1/);
  expect(briefs[4]).toMatch(/alone, 1[\s\S]*alone, 4/);
  // A bare "yes" may be about a plan that was shown before.
  const late = await deputy.cli(["answer", id, "yes"]);
  const [, question = ""] = /--question (que_\w+)/.exec(late.stderr) ?? [];
  expect([late.code, late.stderr]).toEqual([
    2,
    expect.stringContaining("Leave the database alone"),
  ]);
  expect((await deputy.cli(["why", id])).stdout).toContain(`"approve" --question ${question}`);
  const said = await deputy.cli(["answer", id, "yes", "--question", question]);
  expect(said.stdout).toContain("| 1. try4: ");
  expect(await deputy.untilOver(id)).toMatchObject({ state: "completed" });
  expect(await keysOf(id)).toEqual(["try4"]);
  const receipt = await deputy.cli(["receipt", id]);
  expect(receipt.stdout).toContain("A person approved it before anything ran.");
  expect(receipt.stdout).toContain("sent back: Leave the database alone, 3");
});

test("a plan of one's own can be looked at too, and no ends the task", async () => {
  const id = await submitPlanned("Do as I wrote", {
    approval: "plan",
    plan: { subtasks: [{ id: "mine", title: "My own" }] },
  });
  expect((await untilAsked(id, 1)).data.question).toContain("given: the caller gave it");
  await deputy.cli(["answer", id, "cancel"]);
  expect(await deputy.untilOver(id)).toMatchObject({
    state: "cancelled",
    end_detail: "its plan was not approved",
  });
});

test("what an agent found out and asked for changes what is still blocked", async () => {
  const story = await programs.tell("more");
  await story.answers({
    reason: "",
    subtasks: [part("api"), part("client", { depends_on: ["api"] })],
  });
  const said = {
    discoveries: ["The port is 8080"],
    follow_ups: [
      { title: "Migrate the data", brief: "Make migrated.txt", writes: ["migrated.txt"] },
      { title: "The client", brief: "again", writes: [] },
    ],
  };
  await story.does("api", `echo '${JSON.stringify(said)}'`);
  const deeper = { follow_ups: [{ title: "One more thing", brief: "Do it", writes: [] }] };
  await story.does("api-more", `echo '${JSON.stringify(deeper)}'`);
  const id = await submitPlanned(`Serve it ${story.tag}`);
  expect(await deputy.untilOver(id)).toMatchObject({ state: "completed" });
  expect(await keysOf(id)).toEqual(["api", "client", "api-more", "api-more-more"]);
  expect(await story.brief("client")).toMatch(/BEGIN OUTSIDE TEXT \w+\n- The port is 8080\n/);
  expect(await story.brief("api-more")).toContain("Make migrated.txt");
  const [revised] = await events(id, "plan.revised");
  expect(revised?.data.diff).toEqual([
    '+ api-more: Migrate the data (asked for by "api")',
    '~ client: its brief now has the discoveries of "api"',
  ]);
  const [refused] = await events(id, "plan.revision_refused");
  expect(refused?.message).toContain('"The client": the plan has it already');
  expect((await deputy.cli(["show", id])).stdout).toContain("+ api-more: Migrate the data");
  expect((await deputy.cli(["receipt", id])).stdout).toContain('Not added: "The client"');
});

test("a plan that a person approved is not added to by agents", async () => {
  const story = await programs.tell("closed");
  await story.answers({ reason: "", subtasks: [part("api")] });
  const said = { follow_ups: [{ title: "Own idea", brief: "Do it", writes: [] }] };
  await story.does("api", `echo '${JSON.stringify(said)}'`);
  const id = await submitPlanned(`As approved ${story.tag}`, { approval: "plan" });
  await untilAsked(id, 1);
  await deputy.cli(["answer", id, "approve"]);
  await deputy.untilOver(id);
  expect(await keysOf(id)).toEqual(["api"]);
  const [refused] = await events(id, "plan.revision_refused");
  expect(refused?.message).toContain("a person approved the plan as it is");
});

test("a part of kind plan is planned when its turn comes, from what is merged by then, and no deeper", async () => {
  const story = await programs.tell("sub");
  const deep = { reason: "", subtasks: [part("x", { kind: "plan" })] };
  await story.answers(
    {
      reason: "",
      subtasks: [
        part("base"),
        part("rest", { kind: "plan", depends_on: ["base"], title: "The rest" }),
        part("end", { depends_on: ["rest"] }),
      ],
    },
    deep,
    { reason: "now it is clear", subtasks: [part("one"), part("two")] },
  );
  await writeFile(scratch.at("sub/plan-2.sh"), "test -e base.txt; touch $d/saw-base\n");
  await story.does("end", "test -e rest-one.txt; test -e rest-two.txt");
  const id = await submitPlanned(`Go on ${story.tag}`);
  expect(await deputy.untilOver(id)).toMatchObject({ state: "completed" });
  const { subtasks, attempts } = await show(id);
  expect(
    subtasks.map(({ key, state, depends_on }: Record<string, unknown>) => [key, state, depends_on]),
  ).toEqual([
    ["base", "completed", []],
    ["rest", "superseded", ["base"]],
    ["end", "completed", ["rest-one", "rest-two"]],
    ["rest-one", "completed", ["base"]],
    ["rest-two", "completed", ["base"]],
  ]);
  expect(attempts).toHaveLength(5);
  expect(scratch.has("sub/saw-base")).toBe(true);
  const briefs = await story.briefs();
  expect(briefs[1]).toContain("# The part to plan: The rest");
  expect(briefs[2]).toContain("a part of a plan has no plan below it");
  const [revised] = await events(id, "plan.revised");
  expect(revised?.message).toContain("now it is clear");
  expect(revised?.data.diff).toContain("- rest: The rest");
});

test("a part that nobody can plan fails at once, in words, and what was done is kept", async () => {
  const story = await programs.tell("subfail");
  const bad = { reason: "", subtasks: [part("a", { depends_on: ["a"] })] };
  const whole = {
    reason: "",
    subtasks: [part("base"), part("rest", { kind: "plan", depends_on: ["base"] })],
  };
  await story.answers(whole, bad, bad);
  const id = await submitPlanned(`Fail below ${story.tag}`);
  const task = await deputy.untilOver(id);
  expect(task.state).toBe("failed");
  expect(task.end_detail).toMatch(/"rest" failed: .*asked twice.*a → a/);
  expect((await show(id)).subtasks[0].state).toBe("completed");
  expect(await story.briefs()).toHaveLength(3);
});

test("a task is cancelled while somebody plans, and the planner with it", async () => {
  const story = await programs.tell("stopped");
  await story.answers({ reason: "", subtasks: [part("never")] });
  await writeFile(scratch.at("stopped/plan-1.sh"), `touch ${scratch.at("thinking")}; sleep 600\n`);
  const id = await submitPlanned(`Stop ${story.tag}`);
  await scratch.until("thinking");
  await deputy.cli(["cancel", id]);
  expect(await deputy.untilOver(id)).toMatchObject({ state: "cancelled" });
  expect(await keysOf(id)).toEqual([]);
  expect(await readdir(join(deputy.home, "checks"))).toEqual([]);
});

test("a daemon that dies while somebody plans has it planned after it is back, once", async () => {
  const story = await programs.tell("killed");
  const plan = { reason: "", subtasks: [part("main")] };
  await story.answers(plan, plan);
  await writeFile(scratch.at("killed/plan-1.sh"), `touch ${scratch.at("planning")}; sleep 600\n`);
  const id = await submitPlanned(`Survive ${story.tag}`);
  await scratch.until("planning");
  await deputy.kill();
  await deputy.start();
  expect(await deputy.untilOver(id)).toMatchObject({ state: "completed" });
  expect(await keysOf(id)).toEqual(["main"]);
  expect(await story.briefs()).toHaveLength(2);
  expect((await events(id, "stage.lost")).map(({ data }) => data.stage)).toEqual(["plan"]);
});
