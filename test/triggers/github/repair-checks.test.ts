import { expect, test } from "vitest";
import { DeputyError } from "../../../src/core/base/error.ts";
import type { CheckRun } from "../../../src/core/forge/check-run.ts";
import type { Task } from "../../../src/core/task/task.ts";
import type { InboxDeps, OwnPullDeps } from "../../../src/triggers/github/inbox-deps.ts";
import { repairChecks } from "../../../src/triggers/github/repair-checks.ts";
import { parseTriggerRules } from "../../../src/triggers/rules.ts";
import { examplePayload } from "./payloads.ts";

const commit = "c".repeat(40);
const base = "b".repeat(40);
const task = {
  ...{ id: "task_1", state: "completed", branch: "deputy/x", deliveredCommit: commit },
  ...{ deliveryUrl: "https://github.com/acme/app/pull/7", goal: "Repair it", origin: {} },
} as Task;
const run = (name: string, changes: Partial<CheckRun> = {}): CheckRun => ({
  ...{ id: 1, name, isCompleted: true, hasFailed: true, hasLog: false, words: "", ...changes },
});

/** What happens to a failed check of that task's head, with these runs on it. */
async function play(
  runs: CheckRun[],
  changes: { receivedAt?: Date; result?: string } = {},
  refusal: Error | null = null,
  /** The task that is at work on the issue, each time it is looked for. */
  active: (string | null)[] = [],
  heldBack: Error | null = null,
) {
  const done: string[] = [];
  const own: OwnPullDeps = {
    findDelivered: async () => ({
      ...task,
      origin: { ...task.origin, subject: "github:acme/app#3" },
    }),
    listOpenPulls: async () => [],
    update: async () => "",
    readPull: async () => ({
      ...{ number: 7, state: "open", head: { ref: "deputy/x", sha: commit } },
      base: { ref: "main", sha: base },
    }),
    listChecks: async (_, at) => (at === commit ? runs : []),
    readFailure: async () => ({ annotations: ["a.js:1: wrong"], log: "" }),
    listRepairs: async () => [],
    recordRepair: async (_, __, { key }) => void done.push(`recorded ${key === commit}`),
    listThreads: async () => [],
    keepThreads: async () => [],
    tell: async (_, __, text) => void done.push(`told ${text}`),
    callPerson: async (_, why) => void done.push(`called ${why}`),
  };
  const rules = parseTriggerRules(
    `github: [{ on: own_check.failed, repository: "acme/*" }]`,
    "triggers.yaml",
  );
  const deps = {
    own,
    rules: () => rules,
    admit: async ({ rule }: { rule: string }) => {
      if (heldBack) throw heldBack;
      done.push(`admitted by ${rule}`);
    },
    findActiveTask: async () => active.shift() ?? null,
    rework: async (_: string, { text }: { text: string }) => {
      if (refusal) throw refusal;
      done.push(text);
    },
    inbox: {
      note: async (_: string, { result }: { result: string }) => void done.push(result),
      settle: async (_: string, { result }: { result: string }) => void done.push(result),
    },
    log: () => {},
    commands: null,
  } as unknown as InboxDeps;
  const payload = examplePayload("check_run", "completed", {
    repository: { full_name: "acme/app" },
    check_run: {
      conclusion: "failure",
      head_sha: commit,
      check_suite: { head_branch: "deputy/x" },
    },
  });
  const delivery = {
    deliveryId: "d",
    event: "check_run",
    payload,
    result: null,
    receivedAt: new Date(),
  };
  const waiting = new Set<string>();
  const settled = await repairChecks(deps, { ...delivery, ...changes }, waiting);
  return { settled, done, waiting: [...waiting] };
}

test("a head is worked on once all its checks have ended, or for an hour did not", async () => {
  const runs = [run("lint"), run("slow", { isCompleted: false, hasFailed: false })];
  const early = await play(runs);
  expect(early.settled).toBe(false);
  expect(early.done).toEqual([expect.stringMatching(/^waits until \S+: 1 checks of acme\/app#7/)]);
  const held = await play(runs, { result: early.done[0] ?? "" });
  expect(held).toMatchObject({ settled: false, done: [] });
  const late = await play(runs, { receivedAt: new Date(Date.now() - 61 * 60_000) });
  expect(late.settled).toBe(true);
  expect(late.done.at(-1)).toBe("rework: lint failed on acme/app#7");
});

test("a check that was run again and is green starts nothing", async () => {
  const { done } = await play([run("lint", { hasFailed: false })]);
  expect(done).toEqual(["ignored: all checks are green"]);
});

test("where the work cannot go on a person is called, and the pull request says why", async () => {
  const refusal = new DeputyError("conflict", "deputy/x was rewritten by @ada.");
  const { done, settled } = await play([run("lint")], {}, refusal);
  expect(settled).toBe(true);
  expect(done.slice(2)).toEqual([
    "told I cannot work on this again: deputy/x was rewritten by ＠ada.",
    "called deputy/x was rewritten by @ada.",
    "refused: deputy/x was rewritten by @ada.",
  ]);
});

test("a repair passes its rule's guards: what they hold back waits with its head, what they refuse is settled", async () => {
  const { done } = await play([run("lint")]);
  expect(done.slice(0, 2)).toEqual(["admitted by github[0]", "recorded true"]);
  const refuse = (code: "forbidden" | "unavailable", retryAt: Date | null) =>
    play([run("lint")], {}, null, [], new DeputyError(code, "not now", { retryAt }));
  expect(await refuse("forbidden", null)).toMatchObject({
    ...{ settled: true, done: ["refused: not now"], waiting: [] },
  });
  expect(await refuse("unavailable", new Date(Date.now() + 60_000))).toMatchObject({
    ...{ settled: false, done: [expect.stringMatching(/^waits until \S+: not now$/)] },
    waiting: [`github:acme/app@${commit}`],
  });
});

test("a head waits while another task is at work on the same issue", async () => {
  const waiting = await play([run("lint")], {}, null, ["task_2"]);
  expect(waiting).toMatchObject({ settled: false, done: ["waits for task_2 to end"] });
  const busy = new DeputyError("conflict", "task_2 is at work on it.");
  const met = await play([run("lint")], {}, busy, [null, "task_2"]);
  expect(met.settled).toBe(false);
  expect(met.done.slice(2)).toEqual(["tried again later: task_2 is at work on it."]);
  const after = await play([run("lint")], { result: "waits for task_2 to end" });
  expect(after.done.at(-1)).toBe("rework: lint failed on acme/app#7");
});
