import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { newId } from "../../src/core/base/id.ts";
import { followMessage } from "../../src/core/task/message.ts";
import type { Claim, StageName } from "../../src/core/task/outcome.ts";
import { cancelTask, retryTask } from "../../src/orchestrator/commands/commands.ts";
import {
  commentOnTask,
  pauseTask,
  resumeTask,
  sayToTask,
} from "../../src/orchestrator/commands/steer.ts";
import { tellWhenReworked } from "../../src/orchestrator/commands/tell-when.ts";
import {
  listMessages,
  listPendingMessages,
  markDelivered,
  takeMessages,
} from "../../src/store/records/messages.ts";
import { beginSession, leaveSession } from "../../src/store/records/sessions.ts";
import { getTask, listAttempts, listSubtasks } from "../../src/store/tasks/tasks.ts";
import {
  attempted,
  type Bench,
  decided,
  makeBench,
  planned,
  success,
} from "../support/orchestrator.ts";

/** Comments wait until an attempt that had them is merged, whatever else becomes of the task. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
beforeEach(() => bench.clear());
afterAll(() => bench?.close());

const origin = {
  source: "github",
  subject: "github:acme/app#1",
  outsideText: null,
  replyTo: null,
  reviewedAgainst: null,
} as const;

const wake = { kind: "wake", at: new Date(0), reason: "GitHub is away" } as const;
const pause = { kind: "question", questionId: "que_1" } as const;
const comment = (id: string, text: string, key: string | null = "s0") =>
  commentOnTask(bench.deps, id, { place: "a.js:1", text }, key);

async function claim(stage: StageName): Promise<Claim> {
  const found = await bench.claim(stage);
  if (!found) throw new Error(`nothing to ${stage}`);
  return found;
}

async function run(stage: StageName, outcome = success(stage)): Promise<void> {
  expect(await bench.report(await claim(stage), outcome)).toBe("applied");
}

/** An attempt starts afresh, and what its brief tells it. */
async function begin(sessionId: string | null = null): Promise<{ claim: Claim; told: string[] }> {
  const begun = await claim("execute");
  const attempt = { id: begun.attemptId ?? "", sessionId };
  const said = await takeMessages(bench.db, begun.subtaskId ?? "", attempt);
  return { claim: begun, told: said.map(({ text }) => text) };
}

async function merge({ claim }: { claim: Claim }, outcome = attempted()): Promise<void> {
  expect(await bench.report(claim, outcome)).toBe("applied");
  await run("verify");
  await run("integrate");
}

/** Delivered once, with nothing said so far. */
async function deliver(task: Parameters<Bench["submit"]>[0] = {}): Promise<string> {
  const id = await bench.submit(task);
  await run("plan");
  await merge(await begin());
  await run("deliver");
  return id;
}

const stateOf = async (id: string) => (await getTask(bench.db, id))?.state;

async function follow(id: string): Promise<string[]> {
  const [task, subtasks, attempts, messages] = await Promise.all([
    getTask(bench.db, id),
    listSubtasks(bench.db, id),
    listAttempts(bench.db, { taskId: id }),
    listMessages(bench.db, id),
  ]);
  if (!task) throw new Error("the task is gone");
  return messages.map((message) => {
    const { state, detail } = followMessage(message, { task, subtasks, attempts });
    return `${message.text}: ${state}, ${detail}`;
  });
}

test("several at once are one rework, also two with the same words", async () => {
  const id = await deliver();
  expect((await comment(id, "first")).when).toBe('"s0" works on your comment in its next attempt');
  await comment(id, "second");
  await comment(id, "second");
  expect(await stateOf(id)).toBe("running");
  const rework = await begin();
  expect(rework.told).toEqual(["first", "second", "second"]);
  await merge(rework);
  await run("deliver");
  expect(await stateOf(id)).toBe("completed");
  expect(await bench.claim("execute")).toBeNull();
  const done = 'done, attempt 2 of "s0" had it and was merged';
  expect(await follow(id)).toEqual([`first: ${done}`, `second: ${done}`, `second: ${done}`]);
});

test("one that comes too late for a rework is the next one, before anything is delivered", async () => {
  const id = await deliver();
  await comment(id, "first");
  const rework = await begin();
  expect((await comment(id, "late")).when).toContain("if that is too late, a rework");
  expect(await bench.report(rework.claim, attempted())).toBe("applied");
  expect((await comment(id, "later")).when).toContain(
    "a rework with your comment follows when it is merged",
  );
  await run("verify");
  await run("integrate");
  expect(await bench.claim("deliver")).toBeNull();
  const next = await begin();
  expect(next.told).toEqual(["late", "later"]);
  await merge(next);
  await run("deliver");
  expect(await stateOf(id)).toBe("completed");
});

test("one that comes while it is delivered is worked on as soon as it is, paused or not", async () => {
  const id = await bench.submit();
  await run("plan");
  await merge(await begin());
  const delivery = await claim("deliver");
  expect((await comment(id, "late")).when).toBe(
    '"s0" is being delivered; a rework with your comment follows after that',
  );
  await pauseTask(bench.deps, id);
  expect(await bench.report(delivery, success("deliver"))).toBe("applied");
  expect([await stateOf(id), await bench.claim("execute")]).toEqual(["waiting", null]);
  await resumeTask(bench.deps, id);
  const rework = await begin();
  expect(rework.told).toEqual(["late"]);
  await merge(rework);
  await run("deliver");
  expect(await stateOf(id)).toBe("completed");
});

test("it is told again to whoever follows an attempt that failed, died or was given up for dead", async () => {
  const id = await deliver();
  await comment(id, "please");
  const failing = await begin();
  expect(await bench.report(failing.claim, attempted({ reason: "crashed" }))).toBe("applied");
  await run("recover", decided("retry"));
  const dying = await begin();
  expect(dying.told).toEqual(["please"]);
  expect(await bench.report(dying.claim, { kind: "lost", detail: "its process died" })).toBe(
    "applied",
  );
  await run("recover", decided("retry"));
  const third = await begin();
  expect(third.told).toEqual(["please"]);
  // The dead one was not dead: what it hears now, nobody who is merged has heard.
  await comment(id, "more");
  const heard = await listPendingMessages(bench.db, third.claim.subtaskId ?? "");
  await markDelivered(
    bench.db,
    heard.map((one) => one.id),
    failing.claim.attemptId,
  );
  await merge(third);
  expect(await follow(id)).toEqual([
    'please: done, attempt 4 of "s0" had it and was merged',
    'more: delivered, attempt 2 of "s0" has it',
  ]);
  const next = await begin();
  expect(next.told).toEqual(["more"]);
});

test("who goes on with a session has what was heard in it, also when it ends that", async () => {
  const id = await deliver();
  await comment(id, "please");
  const { claim: stopped } = await begin();
  const sessionId = newId("session");
  const { attemptId, subtaskId } = stopped;
  const about = { taskId: id, subtaskId, attemptId, role: "coder", agent: "builtin", asked: null };
  await beginSession(bench.db, { id: sessionId, ...about });
  await bench.report(stopped, { kind: "parked", detail: "shutting down", snapshotRef: null });
  const retry = decided("retry");
  if (retry.kind !== "decided" || retry.decision.action !== "retry") throw new Error("it retries");
  const parked = { ...retry.decision, kind: "parked", rung: "continue" } as const;
  await run("recover", { ...retry, decision: parked });
  const again = await begin(sessionId);
  expect(again.told).toEqual([]);
  await leaveSession(bench.db, again.claim.attemptId ?? "");
  await merge(again);
  expect(await follow(id)).toEqual(['please: done, attempt 3 of "s0" had it and was merged']);
  await run("deliver");
});

test("a rework that fails leaves it to a retry, and a task that is cancelled says that it was not done", async () => {
  const id = await deliver();
  await comment(id, "please");
  expect(await bench.report((await begin()).claim, attempted({ reason: "gave_up" }))).toBe(
    "applied",
  );
  await run("recover", decided("give_up"));
  expect(await follow(id)).toEqual(["please: not_done, the task is failed: because"]);
  await retryTask(bench.deps, id);
  expect((await begin()).told).toEqual(["please"]);
  await cancelTask(bench.deps, id);
  expect(await follow(id)).toEqual([expect.stringContaining("please: ")]);
});

test("work that failed before anything was merged is done again with the comment", async () => {
  const id = await bench.submitPlanned([{}, { dependsOn: ["s0"] }]);
  expect(await bench.report((await begin()).claim, attempted({ reason: "gave_up" }))).toBe(
    "applied",
  );
  await run("recover", decided("give_up"));
  expect(await stateOf(id)).toBe("failed");
  await comment(id, "please", null);
  const again = await begin();
  expect(again.told).toEqual(["please"]);
  await merge(again);
  await merge(await begin());
  await run("deliver");
  expect(await stateOf(id)).toBe("completed");
});

test("one on work that is merged waits until nothing else is open, and nothing is delivered without it", async () => {
  const id = await bench.submitPlanned([{}, {}]);
  await merge(await begin());
  const second = await begin();
  expect((await comment(id, "please")).when).toBe(
    '"s0" is done; a rework with your comment follows when no other subtask is open',
  );
  expect(await bench.claim("execute")).toBeNull();
  await merge(second);
  expect(await bench.claim("deliver")).toBeNull();
  const rework = await begin();
  expect(rework.told).toEqual(["please"]);
  await merge(rework);
  await run("deliver");
  expect(await stateOf(id)).toBe("completed");
});

test("an answer without a change is told as one", async () => {
  const id = await deliver();
  await comment(id, "Why?");
  const rework = await begin();
  const [attempt] = (await listAttempts(bench.db, { taskId: id })).slice(-1);
  await merge(rework, attempted({ commit: attempt?.baseCommit ?? null, summary: "Because." }));
  expect(await follow(id)).toEqual([
    'Why?: answered, attempt 2 of "s0" changed nothing because of it: Because.',
  ]);
});

test("the same key is the same comment, and another one with it is refused", async () => {
  const id = await deliver();
  const send = (text: string, bodyHash: string) =>
    commentOnTask(bench.deps, id, { place: "a.js:1", text }, "s0", { key: "k", bodyHash });
  const both = await Promise.all([send("once", "1"), send("once", "1")]);
  expect(both.map(({ isNew }) => isNew).sort()).toEqual([false, true]);
  await expect(send("twice", "2")).rejects.toThrow("was used for another message");
  expect(await listMessages(bench.db, id)).toHaveLength(1);
});

test("what is said to a subtask that is planned first is said to its parts", async () => {
  const id = await bench.submitPlanned([{ kind: "plan" }]);
  const planning = await claim("execute");
  expect((await sayToTask(bench.deps, id, "Use tabs", null)).when).toContain("but its parts do");
  const parts = planned([{ key: "x" }, { key: "y" }]);
  if (parts.kind !== "planned") throw new Error("it is planned");
  await bench.report(planning, { kind: "subplanned", plan: parts.plan });
  expect([(await begin()).told, (await begin()).told]).toEqual([["Use tabs"], ["Use tabs"]]);
});

test("a word that nobody heard in time is told as such, and starts nothing", async () => {
  const id = await bench.submit();
  await run("plan");
  const working = await begin();
  await sayToTask(bench.deps, id, "too late", null);
  await merge(working);
  expect(await follow(id)).toEqual([
    "too late: not_done, the work was finished before the message was delivered",
  ]);
  await run("deliver");
  expect(await stateOf(id)).toBe("completed");
});

test("it is refused in words while another task works on the same subject", async () => {
  const id = await deliver({ origin });
  const active = await bench.submit({ origin });
  await expect(comment(id, "please")).rejects.toThrow(
    `github:acme/app#1 has another active task, ${active}`,
  );
  expect([await stateOf(id), await listMessages(bench.db, id)]).toEqual(["completed", []]);
});

test.each<[Partial<Parameters<typeof tellWhenReworked>[0]>, string]>([
  [
    { state: "delivering", hold: wake },
    "waits to be delivered; a rework with your comment follows after that",
  ],
  [
    { state: "delivering", hold: pause, pausedAt: new Date() },
    "waits to be delivered; a rework with your comment follows after that, once the task is resumed",
  ],
  [
    { state: "waiting", hold: pause },
    "is done; a rework with your comment follows once the task's question is answered",
  ],
])("of %o it is said when a comment is worked on", (task, words) => {
  const subtask = { agent: "builtin", fallback: null, kind: "work", state: "completed" } as const;
  const given = { hold: null, pausedAt: null, state: "running" as const, ...task };
  expect(tellWhenReworked(given, subtask)).toBe(words);
});
