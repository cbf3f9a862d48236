import { type CompiledQuery, sql } from "kysely";
import { newId } from "../../core/base/id.ts";
import { invariant } from "../../core/base/invariant.ts";
import { decideSubtaskMove, decideTaskMove, holdWhenPlanned } from "../../core/ledger/move.ts";
import type {
  Locked,
  LockedTasks,
  MoveOptions,
  NewEvent,
  NewSubtask,
  SubtaskChange,
  TaskChange,
} from "../../core/ledger/task-ledger.ts";
import type { Hold } from "../../core/task/hold.ts";
import type { SubtaskState, TaskState } from "../../core/task/lifecycle.ts";
import type { StageName } from "../../core/task/outcome.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import type { Garbled } from "../../core/task/task-detail.ts";
import { readEach } from "../database/garbled.ts";
import { json } from "../database/open.ts";
import {
  holdColumns,
  toSubtask,
  toSubtaskColumns,
  toTask,
  toTaskColumns,
} from "../database/rows.ts";
import { type Db, type Pending, pendingOf, poolOf, type Tx } from "../database/schema.ts";
import { inTransaction } from "../database/transaction.ts";

/**
 * The only writes of a task's or subtask's state, and orchestrator/ is the only caller. Every
 * transaction that uses them locks the task's row first (`lockTask`), so events of one task are
 * committed in the order of their numbers and no two transitions of one task interleave.
 */
/**
 * Locks a task with its subtasks for a transition, and returns them with the database's time. Null
 * when there is no such task.
 */
export async function lockTask(tx: Tx, taskId: string): Promise<Locked | null> {
  const [found, subtasks] = await Promise.all([
    tx
      .selectFrom("tasks")
      .selectAll()
      .select(sql<Date>`clock_timestamp()`.as("now"))
      .where("id", "=", taskId)
      .forUpdate()
      .executeTakeFirst(),
    // Sent at once and run when the lock is acquired: it sees what the previous holder wrote.
    tx
      .selectFrom("subtasks")
      .selectAll()
      .where("taskId", "=", taskId)
      .orderBy("position")
      .execute(),
  ]);
  if (!found) return null;
  const { now, ...row } = found;
  return { task: toTask(row), subtasks: subtasks.map(toSubtask), now };
}

/**
 * Locks several tasks, always in the same order, with their subtasks where requested. Missing tasks
 * are left out.
 */
export async function lockTasks(
  tx: Tx,
  taskIds: readonly string[],
  { withSubtasks }: { withSubtasks: boolean },
): Promise<LockedTasks> {
  const [found, rows] = await Promise.all([
    tx
      .selectFrom("tasks")
      .selectAll()
      .select(sql<Date>`clock_timestamp()`.as("now"))
      .where(sql<boolean>`id = any(${taskIds}::text[])`)
      .orderBy("id")
      .forUpdate()
      .execute(),
    withSubtasks
      ? tx
          .selectFrom("subtasks")
          .selectAll()
          .where(sql<boolean>`task_id = any(${taskIds}::text[])`)
          .orderBy("position")
          .execute()
      : [],
  ]);
  const garbled = new Map<string, Garbled>();
  const read = <Row, Value>(row: Row, taskId: string, toValue: (row: Row) => Value): Value[] => {
    const each = readEach([row], toValue);
    for (const one of each.garbled) garbled.set(taskId, one);
    return each.sound;
  };
  const tasks = found.flatMap(({ now: _, ...row }) => read(row, row.id, toTask));
  const subtasks = rows.flatMap((row) => read(row, row.taskId, toSubtask));
  // A task with an unreadable subtask cannot be judged.
  const isSound = (taskId: string) => !garbled.has(taskId);
  return {
    garbled,
    tasks: new Map(tasks.filter(({ id }) => isSound(id)).map((task) => [task.id, task])),
    subtasks: new Map(
      subtasks.filter(({ taskId }) => isSound(taskId)).map((subtask) => [subtask.id, subtask]),
    ),
    // The time of the last acquired lock: nothing that was due before is missed.
    now: new Date(Math.max(0, ...found.map(({ now }) => now.getTime()))),
  };
}

/** Locks only the task's row, for work that must not overlap a transition. */
export async function lockTaskRow(tx: Tx, taskId: string): Promise<void> {
  await tx.selectFrom("tasks").select("id").where("id", "=", taskId).forUpdate().executeTakeFirst();
}

/** Notifies every process that holds a claim of the task to stop, once this transaction commits. */
export function notifyCancel(tx: Tx, taskId: string): void {
  pendingIn(tx).notifications.add(`cancel ${taskId}`);
}

/** Notifies every process to park the task's attempts, once this transaction commits. */
export function notifyPause(tx: Tx, taskId: string): void {
  pendingIn(tx).notifications.add(`pause ${taskId}`);
}

/** Notifies every process that pushes are due. */
export function notifyPushes(tx: Tx): void {
  pendingIn(tx).notifications.add("pushes");
}

/** Notifies every process that a stage has work; one with a free slot takes it. */
export function notifyReady(db: Db, stage: StageName): void {
  notify(db, [`ready ${stage}`]);
}

/** Moves a task (or keeps its state) and replaces its hold. Its end notifies every process. */
export async function moveTask(
  tx: Tx,
  task: Task,
  to: TaskState,
  hold: Hold | null,
  set: TaskChange = {},
  options: MoveOptions = {},
): Promise<Task> {
  const { hold: next, ...moved } = decideTaskMove(task, to, hold, options, new Date());
  const row = await tx
    .updateTable("tasks")
    .set({ ...toTaskColumns(set), ...moved, ...holdColumns(next) })
    .where("id", "=", task.id)
    .where("epoch", "=", task.epoch)
    .returningAll()
    .executeTakeFirst();
  invariant(row, `task ${task.id} was locked, so its epoch holds`);
  if (task.hold !== null && hold === null) pendingIn(tx).notifications.add(`over ${task.id}`);
  return toTask(row);
}

/** Move a subtask (or keep its state) and replace its hold. */
export async function moveSubtask(
  tx: Tx,
  subtask: Subtask,
  to: SubtaskState,
  hold: Hold | null,
  set: SubtaskChange = {},
  options: MoveOptions = {},
): Promise<Subtask> {
  const { hold: next, ...moved } = decideSubtaskMove(subtask, to, hold, options, new Date());
  const row = await tx
    .updateTable("subtasks")
    .set({ ...toSubtaskColumns(set), ...moved, ...holdColumns(next) })
    .where("id", "=", subtask.id)
    .where("epoch", "=", subtask.epoch)
    .returningAll()
    .executeTakeFirst();
  invariant(row, `subtask ${subtask.id} is written under its task's lock, so its epoch holds`);
  return toSubtask(row);
}

/** Inserts a planned subtask; settling its task in the same transaction sets its real hold. */
export async function insertSubtask(tx: Tx, subtask: NewSubtask): Promise<void> {
  const hold = holdColumns(holdWhenPlanned(subtask.taskId));
  await tx
    .insertInto("subtasks")
    .values({ ...subtask, checks: json(subtask.checks), state: "blocked", ...hold })
    .execute();
}

/**
 * Appends an event and notifies listeners. In a transition it is written with the others, in order,
 * before the commit. Otherwise, for an event that changes no state, it is one statement that locks
 * the task's row as a transition does, and does not wait for the disk: only a crash of the database
 * right afterwards could lose the event.
 */
export async function appendEvent(
  db: Db | Tx,
  taskId: string,
  event: NewEvent,
  id = newId("event"),
): Promise<string> {
  const { type, message, data = {}, subtaskId = null, attemptId = null } = event;
  const pending = pendingOf in db ? db[pendingOf] : undefined;
  if (pending) {
    pending.events.push({ id, taskId, type, message, data, subtaskId, attemptId });
    return id;
  }
  await sql`
    with locked as (
      select id from tasks where id = ${taskId} for update
    ), appended as (
      insert into events (id, task_id, subtask_id, attempt_id, type, message, data)
      select ${id}, id, ${subtaskId}, ${attemptId}, ${type}, ${message}, ${json(data)}::jsonb from locked
      on conflict (id) do nothing
    )
    select set_config('synchronous_commit', 'off', true)`.execute(db);
  notify(db, [`event ${taskId}`]);
  return id;
}

/**
 * Makes a stage run once the transition commits, not before `at`. An execution, which workers share, and
 * what is due later are rows of the outbox; the other stages run in the daemon, which is notified.
 */
export async function wakeStage(
  tx: Tx,
  stage: StageName,
  taskId: string,
  subtaskId: string | null,
  at?: Date,
): Promise<void> {
  const { jobs, notifications } = pendingIn(tx);
  if (stage === "execute" || at) jobs.push({ stage, taskId, subtaskId, at: at ?? null });
  else notifications.add(`ready ${stage}`);
}

/** What a transition writes and sends with its commit. */
function pendingIn(tx: Tx): Pending {
  const pending = tx[pendingOf];
  invariant(pending, "stages are woken and processes notified by a transition");
  return pending;
}

function notify(db: Db, messages: Iterable<string>): void {
  db[poolOf]?.notifier.send(messages);
}

function writePending(tx: Tx, { events, jobs }: Pending): CompiledQuery | null {
  if (events.length + jobs.length === 0) return null;
  return sql`
    with appended as (
      insert into events (id, task_id, subtask_id, attempt_id, type, message, data)
      select e->>'id', e->>'taskId', e->>'subtaskId', e->>'attemptId', e->>'type', e->>'message', e->'data'
      from jsonb_array_elements(${json(events)}::jsonb) with ordinality as pending(e, position) order by position
    ), queued as (
      insert into outbox (stage, task_id, subtask_id, available_at)
      select r->>'stage', r->>'taskId', r->>'subtaskId', coalesce((r->>'at')::timestamptz, now())
      from jsonb_array_elements(${json(jobs)}::jsonb) with ordinality as pending(r, position) order by position
    )
    select`.compile(tx);
}

/** Runs a transition; a deadlock or serialisation failure is retried, up to three tries in all. */
export async function inTransition<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      const pending: Pending = { events: [], jobs: [], notifications: new Set() };
      const result = await inTransaction(
        db,
        (tx) => {
          tx[pendingOf] = pending;
          return work(tx);
        },
        (tx) => writePending(tx, pending),
      );
      for (const { taskId } of pending.events) pending.notifications.add(`event ${taskId}`);
      if (pending.jobs.length > 0) pending.notifications.add("outbox");
      notify(db, pending.notifications);
      return result;
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (tries >= 3 || (code !== "40P01" && code !== "40001")) throw error;
    }
  }
}
