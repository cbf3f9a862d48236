import { access } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import type { Call, Role, Turn } from "../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { part } from "../support/planner.ts";

/** A model at its worst, through a real daemon: each ends in words, under its name, within its budget. */
let model: ModelServer;

const call = (tool: string, args: Call["args"]): Turn => ({ calls: [{ tool, args }] });
const right = call("write", { path: "a.txt", content: "right\n" });
const finish = call("finish", { summary: "All done, all green." });
const cycle = [part("api", { depends_on: ["docs"] }), part("docs", { depends_on: ["api"] })];
const flood = call("write", { path: "a.txt", content: "x".repeat(5_000_000) });

/** By a word of the goal, which stands in the brief. */
const models: Record<string, Role["turns"]> = {
  talks: () => ({ text: "It looks fine to me." }),
  invents: () => call("fly", { to: "the moon" }),
  loops: () => call("bash", { command: "true" }),
  floods: [flood, right, finish],
  strays: [
    call("write", { path: "../stray.txt", content: "out" }),
    call("bash", { command: "echo out > /usr/stray.txt; echo out > ../stray.txt" }),
    right,
    finish,
  ],
  overtaken: [
    call("read", { path: "a.txt" }),
    call("bash", { command: "echo other > a.txt" }),
    call("edit", { path: "a.txt", old: "wrong", new: "right" }),
    call("edit", { path: "a.txt", old: "other", new: "right" }),
    finish,
  ],
  circles: () => ({ json: { reason: "", subtasks: cycle } }),
  hushes: ({ system, user }, turn) =>
    /You split a task into parts/.test(system + user)
      ? { json: { reason: "", subtasks: [part("api")] } }
      : ([right, finish][turn] ?? finish),
  idles: [finish],
  claims: [call("finish", { summary: "It is there already.", nothing_to_do: true })],
  boasts: [call("write", { path: "a.txt", content: "still wrong\n" }), finish],
};

beforeAll(async () => {
  const roles = Object.entries(models).map(([name, turns]) => [
    name,
    { match: `A model that ${name}`, turns },
  ]);
  model = await startModelServer({ scenario: { roles: Object.fromEntries(roles) } });
});
afterAll(() => model?.close());
const {
  deputy,
  repository,
  receiptOf,
  submit: submitTo,
} = withDeputy({
  files: { "a.txt": "wrong\n" },
  env: () => ({
    ...{ OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: model.url, DEPUTY_MODEL: "scripted" },
    DEPUTY_SANDBOX: "bubblewrap",
  }),
  config: "roles: {planner: {model_silence_minutes: 0.005}}\n",
});

const callsOf = (name: string) => model.requests.filter(({ role }) => role === name).length;
const submit = (name: string, more: Json = {}) =>
  submitTo({
    // A planner is another run of the same model; these are about one as a coder.
    ...{ goal: `A model that ${name}`, agent: "builtin", mode: "direct" },
    ...{ checks: ["grep -qx right a.txt"], budget: { turns: 20 }, ...more },
  });

test.each([
  ["talks", "gave_up", "agent_failed", "the model did no work: It looks fine to me.", 2, 4],
  ["invents", "gave_up", "stalled", "the model made the same call 4 times (fly)", 2, 8],
  ["loops", "gave_up", "stalled", "the model made the same call 4 times (bash)", 2, 8],
  ["idles", "gave_up", "no_change", "the agent ended without changing anything", 2, 2],
  ["claims", "done", "no_change", "and not every check is green (`grep -qx right a.txt`", 2, 2],
  ["boasts", "done", "checks_failed", "grep -qx right a.txt", 3, 5],
])("one that %s: %s, %s", async (name, reason, failure, words, count, calls) => {
  const task = await deputy.untilOver(await submit(name));
  expect(task).toMatchObject({ state: "failed", branch: null });
  expect(task.end_detail).toContain(words);
  const { attempts } = await receiptOf(task.id);
  expect(attempts.map(({ end_reason }: Json) => end_reason)).toEqual(Array(count).fill(reason));
  expect(attempts.map(({ recovery }: Json) => recovery.failure)).toEqual(
    Array(count).fill(failure),
  );
  expect(callsOf(name)).toBe(calls);
});

test("one that says with green checks that there is nothing to do is believed, and quoted", async () => {
  const task = await deputy.untilOver(await submit("claims", { checks: ["grep -qx wrong a.txt"] }));
  expect(task).toMatchObject({ state: "completed", branch: null, nothing_to_do: true });
  const receipt = await receiptOf(task.id);
  expect(receipt).toMatchObject({ verified: false, delivery: null });
  expect(receipt.verdict).toBe(
    "no change was needed according to the agent; `grep -qx wrong a.txt` is green on the base",
  );
});

test.each(["floods", "strays", "overtaken"])(
  "one that %s is told, and does its work in one attempt",
  async (name) => {
    const task = await deputy.untilOver(await submit(name));
    expect(task, task.end_detail).toMatchObject({ state: "completed" });
    expect(repository.git("show", `${task.branch}:a.txt`)).toBe("right");
    expect(repository.git("diff", "--name-only", "main", task.branch)).toBe("a.txt");
    expect((await receiptOf(task.id)).attempts).toHaveLength(1);
    for (const path of ["/usr/stray.txt", join(deputy.home, "worktrees/stray.txt")])
      await expect(access(path)).rejects.toThrow("ENOENT");
  },
);

test("one that plans in a circle is asked once more, and its task fails by the circle's name", async () => {
  const task = await deputy.untilOver(await submit("circles", { mode: "plan" }));
  expect(task).toMatchObject({ state: "failed" });
  expect(task.end_detail).toMatch(/asked twice.*cycle: api → docs → api/);
  expect(callsOf("circles")).toBe(2);
});

test("a budget that is used up in the middle of a loop makes no call more and asks", async () => {
  const before = callsOf("loops");
  const id = await submit("loops", { budget: { turns: 6 } });
  const asked = await deputy.untilEvent(id, ({ type }) => type === "question.asked");
  expect(asked.message).toContain("6 turns of 6 turns");
  expect(callsOf("loops") - before).toBe(6);
  await deputy.cli(["cancel", id]);
  expect((await deputy.untilOver(id)).state).toBe("cancelled");
});

test("one that hushes as a planner keeps no slot: its run ends, and planning is tried later", async () => {
  model.hold(({ role }) => role === "hushes");
  const id = await submit("hushes", { mode: "plan" });
  await deputy.untilEvent(id, ({ message }) =>
    message.includes("the model server was silent for 0 s (tried 2 times)"),
  );
  expect(callsOf("hushes")).toBe(2);
  model.release();
  expect((await deputy.untilOver(id)).state).toBe("completed");
});
