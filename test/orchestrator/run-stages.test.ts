import { afterEach, beforeEach, expect, test } from "vitest";
import type { Claim, Outcome, StageName } from "../../src/core/task/outcome.ts";
import { freezeDeputy, thawDeputy } from "../../src/orchestrator/commands/freeze.ts";
import { type StageRunner, startStageRunner } from "../../src/orchestrator/runner/run-stages.ts";
import { GarbledRow } from "../../src/store/database/garbled.ts";
import { listen } from "../../src/store/database/listen.ts";
import { getTask, listEvents, listSubtasks } from "../../src/store/tasks/tasks.ts";
import { inTransition, lockTaskRow } from "../../src/store/tasks/transition.ts";
import { findUnsoundHolds } from "../../src/store/tasks/unsound-holds.ts";
import { type Bench, makeBench, planned, success } from "../support/orchestrator.ts";
import { until } from "../support/until.ts";

/** The runner of one process, with stages that do what a test says. */
let bench: Bench;
let runners: StageRunner[];
beforeEach(async () => {
  bench = await makeBench();
  runners = [];
});
afterEach(async () => {
  for (const runner of runners) await runner.stop(1_000);
  await bench.close();
});

const space = {
  problems: () => [],
  low: () => [],
  look: async () => [],
  explain: async () => null,
};

type RunStage = (claim: Claim, signal: AbortSignal) => Promise<Outcome>;

function run(owner: string, stage: StageName, slots: number, work: RunStage): StageRunner {
  const runner = startStageRunner({
    ...bench.deps,
    processId: owner,
    space,
    stages: { [stage]: { run: work, slots } },
    log: () => {},
  });
  runners.push(runner);
  return runner;
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
  });

const typesOf = async (task: string) =>
  (await listEvents(bench.db, task, 0, 1_000)).map(({ type }) => type);

test("an outcome that the database does not take becomes a failure of the stage, in words", async () => {
  const task = await bench.submit();
  // Two subtasks of one key: what a plan was checked for can still be wrong.
  run(bench.processId, "plan", 1, async () => planned([{ key: "same" }, { key: "same" }])).wake(
    "plan",
  );
  await until(async () => (await typesOf(task)).includes("stage.failed"), "the stage has failed");
  const { hold, state } = (await getTask(bench.db, task)) ?? {};
  expect(state).toBe("planning");
  expect(hold).toMatchObject({ kind: "wake", reason: expect.stringContaining("duplicate key") });
});

test("an attempt that needs a row that cannot be read ends as that, not as infrastructure", async () => {
  const task = await bench.submit();
  run(bench.processId, "plan", 1, async () => success("plan")).wake("plan");
  const first = async () => (await listSubtasks(bench.db, task))[0];
  await until(async () => (await first())?.state === "ready", "it is planned");
  const garbled = { table: "plans", id: "plan_1", column: "diff", problem: "is wrong" };
  run(bench.processId, "execute", 1, async () => {
    throw new GarbledRow(garbled);
  }).wake("execute");
  await until(async () => (await first())?.state === "recovering", "the attempt has ended");
  expect((await first())?.ending).toMatchObject({
    ...{ what: "attempt", failure: "unreadable" },
    detail: expect.stringContaining("The row plan_1 of the table plans"),
  });
});

test("stopping parks what runs and what is claimed at that very moment", async () => {
  const tasks = await Promise.all(Array.from({ length: 20 }, () => bench.submit()));
  const runner = run(bench.processId, "plan", 20, (_, signal) => untilAborted(signal));
  runner.wake("plan");
  await until(() => runner.running().length > 0, "something runs");
  expect(await runner.stop(10_000)).toBe(true);
  expect(runner.running()).toEqual([]);
  for (const task of tasks) {
    expect((await getTask(bench.db, task))?.hold).toMatchObject({
      kind: "dependency",
      on: ["slot:plan"],
    });
  }
  runner.wake("plan");
  expect(runner.running()).toEqual([]);
});

test("what is claimed in the moment of a freeze is parked, and nothing is claimed after it", async () => {
  const task = await bench.submit();
  const seen: unknown[] = [];
  const runner = run(bench.processId, "plan", 20, (_, signal) => {
    seen.push(signal.aborted);
    return untilAborted(signal);
  });
  await inTransition(bench.db, async (tx) => {
    await lockTaskRow(tx, task);
    runner.wake("plan");
    const waiting =
      "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    await until(async () => (await bench.database.query(waiting)).length > 0, "it is found");
    expect(runner.running()).toEqual([]);
    await freezeDeputy(bench.db, null);
    runner.freeze();
  });
  await until(async () => (await typesOf(task)).includes("stage.parked"), "it is parked");
  expect((await getTask(bench.db, task))?.hold).toMatchObject({ on: ["slot:plan"] });
  runner.wakeAll();
  const second = await bench.submit();
  expect(await bench.claim("plan")).toBeNull();
  await thawDeputy(bench.db);
  runner.wakeAll();
  await until(() => runner.running().length === 2, "both are claimed after the thaw");
  expect(
    runner
      .running()
      .map(({ taskId }) => taskId)
      .sort(),
  ).toEqual([task, second].sort());
  expect(seen).toHaveLength(3);
});

test("what does not end in time is left with its lease, and stop says so", async () => {
  const task = await bench.submit();
  let finish = () => {};
  const runner = run(bench.processId, "plan", 1, async () => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return success("plan");
  });
  runner.wake("plan");
  await until(() => runner.running().length > 0, "it runs");
  expect(await runner.stop(50)).toBe(false);
  expect((await getTask(bench.db, task))?.hold?.kind).toBe("lease");
  finish();
  await until(async () => (await listSubtasks(bench.db, task)).length > 0, "it is recorded late");
});

test("a job that arrives with no slot free wakes a process that has one", async () => {
  const ran = { full: 0, free: 0 };
  const full = run(bench.processId, "plan", 0, async () => {
    ran.full++;
    return success("plan");
  });
  const free = run(await bench.addProcess(), "plan", 1, async () => {
    ran.free++;
    return success("plan");
  });
  const listener = await listen(
    bench.store,
    (message) => {
      if (message === "ready plan") free.wake("plan");
    },
    () => {},
    () => {},
  );
  await bench.submit();
  full.wake("plan", { fromQueue: true });
  await until(() => ran.free === 1, "the other one heard of it");
  expect(ran).toEqual({ full: 0, free: 1 });
  await listener.close();
});

test("a stage that waits while tasks arrive in a rush starts by itself afterwards", async () => {
  await bench.submit();
  let rush = true;
  let ran = 0;
  const work = async () => {
    ran++;
    return success("plan");
  };
  const runner = startStageRunner({
    ...bench.deps,
    ...{ processId: bench.processId, space, isRush: () => rush, log: () => {} },
    stages: { plan: { slots: 3, waitsInRush: true, run: work } },
  });
  runners.push(runner);
  for (let i = 0; i < 100; i++) runner.wake("plan");
  const other = await bench.submit();
  await until(async () => (await typesOf(other)).includes("task.created"), "another one is there");
  expect(ran).toBe(0);
  rush = false;
  await until(() => ran === 2, "both are planned");
});

test("a claim that is not in hand any more is given back: nobody renews it", async () => {
  const task = await bench.submit();
  const claim = await bench.claim("plan");
  expect(claim?.taskId).toBe(task);
  // Its process lives and beats, but has forgotten the claim: the answer to it was lost.
  await bench.database.query("update tasks set hold_at = now() - interval '1 second'");
  await bench.database.query("update processes set heartbeat_at = now()");
  expect(await findUnsoundHolds(bench.db)).toMatchObject([{ taskId: task, kind: "lease" }]);
});
