import { invariant } from "../../core/base/invariant.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import { type Hold, slot } from "../../core/task/hold.ts";
import { isSubtaskOver, isTaskOver } from "../../core/task/lifecycle.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { endPause, holdPaused } from "../commands/pause.ts";
import { startRework } from "../commands/rework.ts";
import type { Announce } from "./announce.ts";
import { schedule } from "./schedule.ts";

/**
 * Brings the rest of a task in line after any change. Starts what may start, updates the holds of
 * the others, and moves the task itself when its subtasks leave no choice: all completed →
 * delivering, nothing left that can continue → failed, only questions open → waiting. A finished
 * task is no longer paused. The caller's transaction locks the row.
 */
export async function settle(
  ledger: TaskLedger,
  taskId: string,
  announce: Announce,
): Promise<void> {
  const locked = await ledger.lockTask(taskId);
  invariant(locked, "a task that is settled exists");
  const { task, subtasks } = locked;
  const settled = isTaskOver(task.state)
    ? task
    : await settleOpen(ledger, task, subtasks, announce);
  if (!isTaskOver(settled.state)) return;
  // Comments made during delivery are worked on now, whether the task is paused or not.
  const isReworked =
    isOpenToComments(settled) && (await startRework(ledger, settled, subtasks, announce));
  if (isReworked) return settle(ledger, taskId, announce);
  if (settled.pausedAt) await endPause(ledger, settled);
}

async function settleOpen(
  ledger: TaskLedger,
  task: Task,
  subtasks: Subtask[],
  announce: Announce,
): Promise<Task> {
  if (task.cancelRequestedAt) return settleCancelled(ledger, task, subtasks, announce);
  if (task.pausedAt) return holdPaused(ledger, task, subtasks);
  if (task.state !== "running" && task.state !== "waiting") return task;
  // It waits for approval: having no open subtasks does not mean that all are done.
  if (subtasks.length === 0) return task;
  const current = new Map(subtasks.map((subtask) => [subtask.id, subtask]));
  for (const decision of schedule(subtasks)) {
    const subtask = current.get(decision.id);
    invariant(subtask, "schedule names rows it was given");
    if (decision.start) {
      current.set(subtask.id, await startSubtask(ledger, task, subtask, announce));
    } else if (!sameHold(subtask.hold, decision.hold)) {
      current.set(subtask.id, await ledger.moveSubtask(subtask, "blocked", decision.hold));
    }
  }
  return settleTask(ledger, task, [...current.values()], announce);
}

async function startSubtask(
  ledger: TaskLedger,
  task: Task,
  subtask: Subtask,
  announce: Announce,
): Promise<Subtask> {
  const hold: Hold = {
    kind: "dependency",
    on: [slot("execute")],
    reason: "waiting for a free executor",
  };
  const started = await ledger.moveSubtask(subtask, "ready", hold, { baseCommit: task.headCommit });
  await announce(ledger, task, {
    type: "subtask.ready",
    message: `"${subtask.title}" is ready`,
    data: { key: subtask.key, base_commit: task.headCommit },
    subtaskId: subtask.id,
  });
  await ledger.wakeStage("execute", task.id, subtask.id);
  return started;
}

async function settleTask(
  ledger: TaskLedger,
  task: Task,
  subtasks: Subtask[],
  announce: Announce,
): Promise<Task> {
  const open = subtasks.filter(({ state }) => !isSubtaskOver(state));
  const active = open.filter(({ state }) => state !== "blocked");
  if (
    open.length === 0 &&
    subtasks.every(({ state }) => state === "completed" || state === "superseded")
  ) {
    if (await isAsking(ledger, task)) return task;
    const reworked = await startRework(ledger, task, subtasks, announce);
    if (reworked) return reworked;
    const running =
      task.state === "waiting" ? await ledger.moveTask(task, "running", task.hold) : task;
    const delivering = await ledger.moveTask(running, "delivering", {
      kind: "dependency",
      on: [slot("deliver")],
      reason: "waiting to be delivered",
    });
    await announce(ledger, task, {
      type: "task.delivering",
      message: "All subtasks are done; delivering",
    });
    await ledger.wakeStage("deliver", task.id, null);
    return delivering;
  }
  if (active.length === 0) {
    const failed = subtasks.filter(({ state }) => state === "failed");
    const held = open.filter(({ state }) => state === "blocked");
    const detail = [
      ...failed.map(({ key, endDetail }) => {
        const why = endDetail ?? "no reason was recorded";
        return subtasks.length === 1 ? why : `"${key}" failed: ${why}`;
      }),
      ...(held.length > 0 ? [`${names(held)} could not start because of that`] : []),
    ].join("; ");
    const over = await ledger.moveTask(task, "failed", null, { endDetail: detail });
    await announce(ledger, over, {
      type: "task.failed",
      message: `Failed: ${detail}`,
      data: { failed: failed.map(({ key }) => key), held: held.map(({ key }) => key) },
    });
    return over;
  }
  const asking = active.filter(({ state }) => state === "waiting");
  const question = asking[0]?.hold;
  if (asking.length === active.length && question?.kind === "question") {
    const waiting = await ledger.moveTask(task, "waiting", question);
    if (task.state !== "waiting") {
      await announce(ledger, task, { type: "task.waiting", message: "Waiting for an answer" });
    }
    return waiting;
  }
  const hold: Hold = {
    kind: "dependency",
    on: open.map(({ id }) => id),
    reason: describeOpen(open.length, subtasks.length),
  };
  if (task.state === "waiting")
    await announce(ledger, task, { type: "task.resumed", message: "Continuing" });
  const isSettled = task.state === "running" && sameHold(task.hold, hold);
  return isSettled ? task : ledger.moveTask(task, "running", hold);
}

/** Its delivery came to an end, and a person was asked what to do. */
async function isAsking(ledger: TaskLedger, { hold, id, state }: Task): Promise<boolean> {
  if (state !== "waiting" || hold?.kind !== "question") return false;
  const open = await ledger.listOpenQuestions(id);
  return open.some((question) => question.id === hold.questionId && question.kind === "stuck");
}

/**
 * Cancellation was requested: rows without a lease end now, and the task once nothing runs. Until
 * then it waits only for that; earlier questions no longer need an answer.
 */
async function settleCancelled(
  ledger: TaskLedger,
  task: Task,
  subtasks: Subtask[],
  announce: Announce,
): Promise<Task> {
  const working: string[] = [];
  for (const subtask of subtasks) {
    if (isSubtaskOver(subtask.state)) continue;
    if (subtask.hold?.kind === "lease") {
      working.push(subtask.id);
      continue;
    }
    await ledger.moveSubtask(subtask, "cancelled", null);
    await announce(ledger, task, {
      type: "subtask.cancelled",
      message: `"${subtask.title}" was cancelled`,
      data: { key: subtask.key },
      subtaskId: subtask.id,
    });
  }
  if (task.hold?.kind === "lease") return task;
  if (working.length > 0) {
    const reason = "it is cancelled once running work has stopped";
    return ledger.moveTask(task, task.state, { kind: "dependency", on: working, reason });
  }
  const cancelled = await ledger.moveTask(task, "cancelled", null, {
    endDetail: "cancelled on request",
  });
  await announce(ledger, cancelled, { type: "task.cancelled", message: "Cancelled" });
  return cancelled;
}

function isOpenToComments(task: Task): boolean {
  const isTaken =
    task.acceptedAt ?? task.rolledBackAt ?? task.discardedAt ?? task.cancelRequestedAt;
  return task.state === "completed" && isTaken === null;
}

/** The reason of a running task's hold. */
export function describeOpen(open: number, all: number): string {
  if (all === 1) return "its one subtask is still open";
  return `${open} of ${all} subtasks ${open === 1 ? "is" : "are"} still open`;
}

function names(subtasks: readonly Subtask[]): string {
  return subtasks.map(({ key }) => `"${key}"`).join(", ");
}

function sameHold(left: Hold | null, right: Hold): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
