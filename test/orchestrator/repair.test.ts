import { afterAll, beforeAll, expect, test } from "vitest";
import { answerQuestion } from "../../src/orchestrator/commands/commands.ts";
import { releaseExpiredLease, repairHold } from "../../src/orchestrator/runner/repair.ts";
import { takeBackLease } from "../../src/recovery/reconcile.ts";
import { getTask, listAttempts, listEvents, listSubtasks } from "../../src/store/tasks/tasks.ts";
import { findUnsoundHolds } from "../../src/store/tasks/unsound-holds.ts";
import { attempted, type Bench, decided, makeBench, success } from "../support/orchestrator.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

/** What the daemon does every minute. */
async function repairAll(): Promise<void> {
  for (const unsound of await findUnsoundHolds(bench.db)) {
    const { subtaskId, taskId, kind } = unsound;
    if (kind !== "lease") await repairHold(bench.deps, unsound);
    else
      await takeBackLease(bench.db, subtaskId ?? taskId, (lost) =>
        releaseExpiredLease(bench.deps, lost, unsound),
      );
  }
}

async function expectRepaired(taskId: string): Promise<void> {
  await repairAll();
  expect(await findUnsoundHolds(bench.db)).toEqual([]);
  const events = await listEvents(bench.db, taskId, 0, 1_000);
  expect(events.filter(({ type }) => type === "hold.repaired")).not.toEqual([]);
}

const corrupt = (table: string, column: string, id: string, assignments: string) =>
  bench.database.query(`update ${table} set ${assignments} where ${column} = $1`, [id]);

/** Everything that is ready, to its end. */
async function finish(taskId: string): Promise<string> {
  for (let round = 0; round < 20; round++) {
    for (const stage of ["plan", "execute", "verify", "integrate", "deliver"] as const) {
      const claim = await bench.claim(stage);
      if (claim) await bench.report(claim, success(stage));
    }
    const recover = await bench.claim("recover");
    if (recover) await bench.report(recover, decided("retry"));
  }
  return (await getTask(bench.db, taskId))?.state ?? "gone";
}

test.each(["plan", "execute", "verify", "recover", "integrate", "deliver"] as const)(
  "a lease of %s that nobody renews is given back, and the work goes on",
  async (stage) => {
    const task = await bench.submit();
    for (const before of ["plan", "execute", "verify", "integrate"] as const) {
      if (before === stage || (stage === "recover" && before === "verify")) break;
      const claim = await bench.claim(before);
      if (!claim) throw new Error(`nothing to ${before}`);
      const fails = stage === "recover" && before === "execute";
      await bench.report(
        claim,
        fails ? { kind: "broken", detail: "the disk is full" } : success(before),
      );
    }
    const claim = await bench.claim(stage);
    if (!claim) throw new Error(`nothing to ${stage}`);
    await bench.database.query(
      "update tasks set hold_at = now() - interval '1 hour' where hold_kind = 'lease'",
    );
    await bench.database.query(
      "update subtasks set hold_at = now() - interval '1 hour' where hold_kind = 'lease'",
    );
    await bench.database.query("update processes set heartbeat_at = now()");
    await expectRepaired(task);
    expect(await bench.report(claim, success(stage))).toBe("stale");
    expect(await finish(task)).toBe("completed");
  },
);

test("a wake, a slot and a dependency that nothing ends are put right", async () => {
  for (const assignments of [
    "hold_on = null, hold_kind = 'wake', hold_at = now() - interval '1 hour'",
    "hold_on = '{slot:verify}'",
    "state = 'blocked', hold_on = '{sub_none}'",
    // Nobody works on it although it runs: its attempt is lost.
    "state = 'running', hold_on = null, hold_kind = 'wake', hold_at = now() - interval '1 hour'",
  ]) {
    const task = await bench.submitPlanned();
    await corrupt("subtasks", "task_id", task, assignments);
    await expectRepaired(task);
    expect(await finish(task), assignments).toBe("completed");
  }
});

test("a task that waits for what is over is settled", async () => {
  const task = await bench.submitPlanned();
  await corrupt(
    "subtasks",
    "task_id",
    task,
    "state = 'completed', hold_kind = null, hold_on = null, hold_reason = null",
  );
  await expectRepaired(task);
  expect((await getTask(bench.db, task))?.state).toBe("delivering");
  expect(await finish(task)).toBe("completed");
});

test("a stage waits longer for a server that is away than for anything else", async () => {
  for (const [isOutage, times] of [
    [false, 5],
    [true, 12],
  ] as const) {
    const task = await bench.submitPlanned();
    const execute = await bench.claim("execute");
    if (execute) await bench.report(execute, success("execute"));
    for (let time = 1; time <= times; time++) {
      const isDue = "hold_at = now() - interval '1 second'";
      if (time > 1) await corrupt("subtasks", "task_id", task, isDue);
      const claim = await bench.claim("verify");
      if (!claim) throw new Error(`nothing to verify, ${time}`);
      await bench.report(claim, { kind: "broken", detail: "away", isOutage });
    }
    const recover = await bench.claim("recover");
    if (!recover) throw new Error("nothing to recover");
    await bench.report(recover, decided("retry"));
    expect(await finish(task)).toBe("completed");
  }
});

test("a question that is gone: the subtask tries again, with the answers it has", async () => {
  const task = await bench.submitPlanned();
  const execute = await bench.claim("execute");
  if (execute) await bench.report(execute, attempted({ reason: "needs_input" }));
  const recover = await bench.claim("recover");
  if (recover) await bench.report(recover, decided("ask"));
  expect((await getTask(bench.db, task))?.state).toBe("waiting");
  await bench.database.query("delete from questions");
  await expectRepaired(task);
  expect((await listSubtasks(bench.db, task))[0]?.state).toBe("ready");
  expect(await finish(task)).toBe("completed");
  const attempts = await listAttempts(bench.db, { taskId: task });
  expect(attempts.every(({ endedAt }) => endedAt !== null)).toBe(true);
});

test("a lost approval is asked for again: nothing runs that nobody approved", async () => {
  const task = await bench.submit();
  await corrupt(
    "tasks",
    "id",
    task,
    "state = 'waiting', hold_kind = 'question', hold_question_id = 'que_none', hold_on = null, hold_reason = null",
  );
  await expectRepaired(task);
  expect((await getTask(bench.db, task))?.state).toBe("waiting");
  expect(await bench.claim("plan")).toBeNull();
  await answerQuestion(bench.deps, task, "yes", null);
  expect(await finish(task)).toBe("completed");
});

test("what is sound by the time it is repaired is left alone", async () => {
  const task = await bench.submitPlanned();
  await corrupt("subtasks", "task_id", task, "hold_on = '{slot:verify}'");
  const [unsound] = await findUnsoundHolds(bench.db);
  if (!unsound) throw new Error("it is unsound");
  await corrupt("subtasks", "task_id", task, "hold_on = '{slot:execute}'");
  await repairHold(bench.deps, unsound);
  const events = await listEvents(bench.db, task, 0, 1_000);
  expect(events.filter(({ type }) => type === "hold.repaired")).toEqual([]);
  expect(await finish(task)).toBe("completed");
});
