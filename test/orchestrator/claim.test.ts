import { afterAll, beforeAll, expect, test } from "vitest";
import type { Claim } from "../../src/core/task/outcome.ts";
import type { Garbled } from "../../src/core/task/task-detail.ts";
import { claimWork } from "../../src/orchestrator/runner/claim.ts";
import { releaseLostLease } from "../../src/orchestrator/runner/repair.ts";
import { listAttempts } from "../../src/store/tasks/tasks.ts";
import { attempted, type Bench, makeBench, success } from "../support/orchestrator.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

test("four claimers on two hundred rows: each is claimed exactly once", async () => {
  await bench.submitPlanned(Array.from({ length: 100 }, () => ({})));
  for (let i = 0; i < 100; i++) await bench.submit();
  const processes = await Promise.all([1, 2, 3, 4].map(() => bench.addProcess()));
  const all: (Claim & { owner: string })[] = [];
  await Promise.all(
    processes.flatMap((owner) =>
      (["execute", "plan"] as const).map(async (stage) => {
        // A few at a time, as free slots come up.
        for (let more = true; more; ) {
          more = false;
          for await (const claim of claimWork(bench.db, owner, stage, 7)) {
            all.push({ ...claim, owner });
            more = true;
          }
        }
      }),
    ),
  );
  expect(all).toHaveLength(200);
  expect(new Set(all.map(({ taskId, subtaskId }) => subtaskId ?? taskId)).size).toBe(200);
  // A ready subtask was never claimed before, and neither was a queued task.
  expect(all.every(({ epoch }) => epoch === 1)).toBe(true);
  const rows = await bench.database.query<{ id: string; hold_owner: string; epoch: number }>(
    "select id, hold_owner, epoch from subtasks where hold_kind = 'lease' union all select id, hold_owner, epoch from tasks where hold_kind = 'lease'",
  );
  const owners = new Map(all.map((claim) => [claim.subtaskId ?? claim.taskId, claim.owner]));
  expect(rows).toHaveLength(200);
  for (const row of rows) expect(row.hold_owner).toBe(owners.get(row.id));
  const attempts = await bench.database.query(
    "select subtask_id from attempts group by subtask_id having count(*) <> 1",
  );
  expect(attempts).toEqual([]);
  await bench.clear();
});

test("who loses every race leaves the rest alone and looks further", async () => {
  const tasks = [await bench.submit(), await bench.submit(), await bench.submit()];
  const [one, two] = await Promise.all([bench.claim("plan"), bench.claim("plan")]);
  // Both want the oldest; one gets it, the other the next.
  expect(new Set([one?.taskId, two?.taskId])).toEqual(new Set(tasks.slice(0, 2)));
});

test("a wake is claimed when it is due, not before, and by the database's clock", async () => {
  await bench.clear();
  const task = await bench.submit();
  const wake = (when: string) =>
    bench.database.query(
      `update tasks set hold_kind = 'wake', hold_on = null, hold_at = ${when}, hold_reason = 'x' where id = $1`,
      [task],
    );
  await wake("now() + interval '2 seconds'");
  expect(await bench.claim("plan")).toBeNull();
  await wake("now() - interval '1 millisecond'");
  expect((await bench.claim("plan"))?.taskId).toBe(task);
});

test("a lease that was given back as lost makes its late report stale", async () => {
  await bench.clear();
  const task = await bench.submitPlanned();
  const first = await bench.claim("execute");
  if (!first) throw new Error("it is ready");
  expect(await releaseLostLease(bench.deps, { claim: first, owner: bench.processId }, "died")).toBe(
    "applied",
  );
  expect(await bench.report(first, success("execute"))).toBe("stale");
  const recover = await bench.claim("recover");
  if (!recover) throw new Error("it is recovering");
  await bench.report(recover, {
    kind: "decided",
    decision: {
      ...({ action: "retry", rung: "continue", kind: "lost", signature: "s" } as const),
      ...{ reason: "again", delayMs: 0 },
    },
    feedback: null,
  });
  const second = await bench.claim("execute");
  if (!second) throw new Error("it is ready again");
  expect(second.epoch).toBeGreaterThan(first.epoch);
  // Neither the old claim nor another process with the new one is heard.
  expect(await bench.report(first, success("execute"))).toBe("stale");
  expect(await bench.report(second, success("execute"), await bench.addProcess())).toBe("stale");
  expect(await bench.report(second, attempted())).toBe("applied");
  expect(
    (await listAttempts(bench.db, { taskId: task })).map(({ endReason }) => endReason),
  ).toEqual(["lost", "done"]);
});

test("one merge at a time into a task branch", async () => {
  await bench.clear();
  await bench.submitPlanned([{}, {}]);
  for (const stage of ["execute", "execute", "verify", "verify"] as const) {
    const claim = await bench.claim(stage);
    if (claim) await bench.report(claim, success(stage));
  }
  const merge = await bench.claim("integrate");
  expect(merge).not.toBeNull();
  expect(await bench.claim("integrate")).toBeNull();
  if (merge) await bench.report(merge, success("integrate"));
  expect(await bench.claim("integrate")).not.toBeNull();
});

test("a row that cannot be read keeps no other waiting, and is named", async () => {
  await bench.clear();
  const bad = await bench.submitPlanned();
  const good = await bench.submitPlanned();
  await bench.database.query("update subtasks set base_commit = null where task_id = $1", [bad]);
  const claimed: string[] = [];
  const garbled: Garbled[] = [];
  const note = (row: Garbled) => garbled.push(row);
  for await (const { taskId } of claimWork(
    bench.db,
    bench.processId,
    "execute",
    5,
    () => true,
    note,
  ))
    claimed.push(taskId);
  expect(claimed).toEqual([good]);
  expect(garbled).toMatchObject([{ table: "subtasks", column: "base_commit" }]);
});
