import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/core/base/id.ts";
import { freezeDeputy, thawDeputy } from "../../src/orchestrator/commands/freeze.ts";
import { identifyProcess, isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { deleteLeftovers } from "../../src/store/records/leftovers.ts";
import {
  listDeadProcesses,
  type RegisteredProcess,
  recordChild,
  registerProcess,
  renewLeases,
} from "../../src/store/tasks/processes.ts";
import { type Bench, makeBench } from "../support/orchestrator.ts";
import { until } from "../support/until.ts";

let bench: Bench;
const processes: RegisteredProcess[] = [];
beforeAll(async () => {
  bench = await makeBench();
  await bench.database.query("update processes set ended_at = now()");
});
afterAll(async () => {
  for (const each of processes) await each.release();
  await bench?.close();
});

const own = { pid: process.pid, startTicks: identifyProcess(process.pid)?.startTicks ?? null };

async function register(
  kind: "daemon" | "worker",
  process: { pid: number; startTicks: string | null } = own,
  host = "here",
  onLost: () => void = () => {},
): Promise<RegisteredProcess | null> {
  const registered = await registerProcess(
    bench.db,
    bench.database.connection,
    { id: newId("process"), kind, host, version: "1.0.0", slots: 2, ...process },
    onLost,
  );
  if (registered) processes.push(registered);
  return registered;
}

/** Take its proof of life away, as a restart of the server does. */
async function cut(registered: RegisteredProcess): Promise<void> {
  await bench.database.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
      and ((classid::bigint << 32) | objid::bigint) = hashtextextended($1, 7)`,
    [registered.id],
  );
}

const dead = async (self = "process_self") =>
  (await listDeadProcesses(bench.db, self, "here", isProcessAlive)).map(({ id }) => id);

test("one daemon at a time, any number of workers", async () => {
  const first = await register("daemon");
  expect(first).not.toBeNull();
  expect(await register("daemon")).toBeNull();
  expect(await register("worker")).not.toBeNull();
  await first?.release();
  expect(await register("daemon")).not.toBeNull();
});

test("a process without its lock is dead when its process is gone, and only then", async () => {
  const living = await register("worker", own);
  // The pid is taken by another process by now: ours, which started at another time.
  const reused = await register("worker", { pid: process.pid, startTicks: "1" });
  const elsewhere = await register("worker", { pid: 1, startTicks: "1" }, "there");
  if (!living || !reused || !elsewhere) throw new Error("workers are always registered");
  expect(await dead()).toEqual([]);
  for (const one of [living, reused, elsewhere]) await cut(one);
  await until(async () => (await dead()).length > 0, "the locks are gone");
  expect(await dead()).toEqual([reused.id]);
  expect(await dead(reused.id)).toEqual([]);
  // Another host's process cannot be seen: its silence says it, once the server is up for longer.
  await bench.database.query("update processes set heartbeat_at = now() - interval '1 hour'");
  const [up] = await bench.database.query<{ long: boolean }>(
    "select pg_postmaster_start_time() < now() - interval '31 seconds' as long",
  );
  expect((await dead()).includes(elsewhere.id)).toBe(up?.long);
  for (const each of [living, reused, elsewhere]) await each.rejoin();
  expect(await dead()).toEqual([]);
});

test("a process that ended in order but left a lease behind is found", async () => {
  const registered = await register("worker", { pid: process.pid, startTicks: "1" });
  if (!registered) throw new Error("workers are always registered");
  const task = await bench.submitPlanned();
  const claim = await bench.claim("execute", registered.id);
  expect(claim?.taskId).toBe(task);
  await registered.release();
  await until(async () => (await dead()).includes(registered.id), "it is found");
  await bench.database.query(
    "update subtasks set state = 'cancelled', hold_kind = null, hold_owner = null, hold_at = null, hold_reason = null",
  );
  expect(await dead()).toEqual([]);
});

test("old processes are forgotten, but none that left a lease; one that was only away comes back", async () => {
  const [away, idle, busy] = [
    await register("worker"),
    await register("worker"),
    await register("worker"),
  ];
  if (!away || !idle || !busy) throw new Error("workers are always registered");
  await bench.submitPlanned();
  expect(await bench.claim("execute", busy.id)).not.toBeNull();
  await recordChild(bench.db, { processId: idle.id, pid: 1, startTicks: "1", what: "agent" });
  await cut(away);
  for (const each of [idle, busy]) await each.release();
  const ids = [away.id, idle.id, busy.id];
  await bench.database.query(
    "update processes set ended_at = now() - interval '2 days', heartbeat_at = now() - interval '2 days' where id = any($1)",
    [ids],
  );
  const yesterday = new Date(Date.now() - 24 * 60 * 60_000);
  expect(await deleteLeftovers(bench.db, yesterday)).toMatchObject({ processes: 2 });
  const left = () =>
    bench.database.query<{ id: string }>("select id from processes where id = any($1) order by 1", [
      ids,
    ]);
  expect(await left()).toEqual([{ id: busy.id }]);
  await until(
    () =>
      away.rejoin().then(
        () => true,
        () => false, // the server has not noticed the cut yet
      ),
    "it is back",
  );
  expect(await left()).toEqual([{ id: away.id }, { id: busy.id }]);
  await bench.database.query(
    "update subtasks set state = 'cancelled', hold_kind = null, hold_owner = null, hold_at = null, hold_reason = null",
  );
});

test("a process hears that its connection was lost", async () => {
  let lost = 0;
  const registered = await register("worker", own, "here", () => {
    lost++;
  });
  if (!registered) throw new Error("workers are always registered");
  await cut(registered);
  await until(() => lost > 0, "it heard");
  await registered.rejoin();
  expect(lost).toBe(1);
  expect(await dead()).toEqual([]);
});

test("the heartbeat renews what is in hand, no more, and tells what was missed", async () => {
  const [kept, forgotten, taken, cancelled] = [
    await bench.submitPlanned(),
    await bench.submitPlanned(),
    await bench.submitPlanned(),
    await bench.submitPlanned(),
  ];
  const claims = [];
  for (const task of [kept, forgotten, taken, cancelled]) {
    const claim = await bench.claim("execute");
    expect(claim?.taskId).toBe(task);
    if (claim) claims.push(claim);
  }
  await bench.database.query(
    "update subtasks set hold_at = now() - interval '1 minute' where hold_kind = 'lease'",
  );
  await bench.database.query("update subtasks set epoch = epoch + 1 where task_id = $1", [taken]);
  await bench.database.query("update tasks set cancel_requested_at = now() where id = $1", [
    cancelled,
  ]);
  await bench.database.query("update tasks set paused_at = now() where id = $1", [kept]);
  const inHand = claims.filter(({ taskId }) => taskId !== forgotten);
  const missed = await renewLeases(bench.db, bench.processId, 30_000, inHand);
  expect(missed.lost.map(({ taskId }) => taskId)).toEqual([taken]);
  expect(missed.cancelledTasks).toEqual([cancelled]);
  expect(missed.pausedTasks).toEqual([kept]);
  const running = await bench.database.query<{ task_id: string }>(
    "select task_id from subtasks where hold_kind = 'lease' and hold_at > now() order by task_id",
  );
  expect(running.map(({ task_id }) => task_id)).toEqual([kept, cancelled].sort());
  expect(await renewLeases(bench.db, bench.processId, 30_000, [])).toEqual({
    lost: [],
    cancelledTasks: [],
    pausedTasks: [],
    isFrozen: false,
  });
  expect(missed.isFrozen).toBe(false);
  // The notification of a freeze may be lost, too.
  await freezeDeputy(bench.db, null);
  expect((await renewLeases(bench.db, bench.processId, 30_000, inHand)).isFrozen).toBe(true);
  await thawDeputy(bench.db);
});
