import { DeputyError } from "../../core/base/error.ts";
import { invariant } from "../../core/base/invariant.ts";
import { isSubtaskOver, isTaskOver } from "../../core/task/lifecycle.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import type { Tx } from "../../store/database/schema.ts";
import { findMessageKey, type Idempotency, insertMessage } from "../../store/records/messages.ts";
import { listSubtasks } from "../../store/tasks/tasks.ts";
import { appendEvent, moveTask, notifyPause } from "../../store/tasks/transition.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import { change, reopenFailed, requireFreeSubject } from "./commands.ts";
import { unpause } from "./pause.ts";
import { tellWhen, tellWhenReworked } from "./tell-when.ts";

/**
 * What a person tells a task on its way: a word to the agent that works on it, a pause, a comment on
 * what it delivered. Each is one transaction, and is kept until it has had its effect: a process that
 * dies in between changes nothing about it.
 */

/** Tell the agents that work on it, or on the subtask of that key. `when` says when each hears it. */
export async function sayToTask(
  deps: AdvanceDeps,
  taskId: string,
  text: string,
  key: string | null,
  idempotency: Idempotency | null = null,
): Promise<{ task: Task; when: string; isNew: boolean }> {
  let when = "";
  let isNew = true;
  const task = await change(deps, taskId, async (tx, task, subtasks) => {
    if (isTaskOver(task.state)) {
      throw new DeputyError(
        "conflict",
        `${task.id} is ${task.state}; nobody works on it. ${task.state === "completed" ? "Use deputy comment to have its result changed." : ""}`.trim(),
      );
    }
    if (task.cancelRequestedAt) throw isCancelling(task);
    const open = subtasks.filter(({ state }) => !isSubtaskOver(state));
    const named = key === null ? null : requireSubtask(task, subtasks, key);
    if (named && isSubtaskOver(named.state)) {
      throw new DeputyError("conflict", `"${named.key}" is ${named.state}; nobody works on it.`, {
        field: "subtask",
      });
    }
    const running = open.filter(({ state }) => state === "running");
    const to = named ? [named] : running.length > 0 ? running : open;
    if (to.length === 0) {
      throw new DeputyError("conflict", `${task.id} has no subtask yet; say it when it runs.`);
    }
    isNew = await keepMessages(tx, task, to, { place: null, text }, idempotency);
    when = to.map((subtask) => `"${subtask.key}" ${tellWhen(subtask)}`).join("; ");
    if (!isNew) return;
    await appendEvent(tx, taskId, {
      type: "task.messaged",
      message: `Sent ${to.map((subtask) => `"${subtask.key}"`).join(", ")}: ${text.slice(0, 200)}`,
      data: { text, subtasks: to.map((subtask) => subtask.key) },
    });
  });
  return { task, when, isNew };
}

/** Stop for a while: what runs is parked with all it did, and nothing starts until it is resumed. */
export async function pauseTask(deps: AdvanceDeps, taskId: string): Promise<Task> {
  return change(deps, taskId, async (tx, task) => {
    if (isTaskOver(task.state)) {
      throw new DeputyError("conflict", `${task.id} is ${task.state}; there is nothing to pause.`);
    }
    if (task.cancelRequestedAt) throw isCancelling(task);
    if (task.pausedAt) return;
    await moveTask(tx, task, task.state, task.hold, { pausedAt: new Date() });
    await appendEvent(tx, taskId, { type: "task.paused", message: "Paused" });
    await notifyPause(tx, taskId);
  });
}

/** Go on with a paused task where it was stopped. Resuming one that is not paused is refused. */
export async function resumeTask(deps: AdvanceDeps, taskId: string): Promise<Task> {
  return change(deps, taskId, async (tx, task, subtasks) => {
    if (!task.pausedAt) {
      throw new DeputyError("conflict", `${task.id} is not paused; it is ${task.state}.`);
    }
    await unpause(tx, task, subtasks);
  });
}

/** A comment on lines of the change: `file:line`, and what a person says about it. */
export type Comment = { place: string; text: string };

/**
 * Have the change looked at again. A comment is kept until an attempt that had it is merged: one that
 * works hears it if it can, and otherwise the subtask that wrote the file is worked on again, from the
 * merged state, as soon as nothing else of the task is open. A task that was delivered or has failed
 * is reopened. `when` says when it is worked on; it is `isNew` unless its key was used before.
 */
export async function commentOnTask(
  deps: AdvanceDeps,
  taskId: string,
  comment: Comment,
  subtaskKey: string | null,
  idempotency: Idempotency | null = null,
): Promise<{ task: Task; when: string; isNew: boolean }> {
  let subtaskId = "";
  let isNew = true;
  const task = await change(deps, taskId, async (tx, task, subtasks) => {
    const subtask = requireReworkable(task, subtasks, subtaskKey);
    subtaskId = subtask.id;
    isNew = await keepMessages(tx, task, [subtask], comment, idempotency);
    if (!isNew) return;
    if (isTaskOver(task.state)) await requireFreeSubject(tx, task);
    await appendEvent(tx, taskId, {
      type: "task.commented",
      message: `Comment on ${comment.place}: ${comment.text.slice(0, 200)}`,
      data: { ...comment, key: subtask.key },
      subtaskId: subtask.id,
    });
    if (task.state !== "failed") return;
    // With one that failed it would fail again, whatever became of the comment.
    const failed = subtasks.filter(({ state }) => state === "failed");
    await reopenFailed(tx, task, failed, failed.length > 0 ? failed : [subtask]);
  });
  const subtask = (await listSubtasks(deps.db, taskId)).find(({ id }) => id === subtaskId);
  invariant(subtask, "a subtask is never deleted");
  return { task, when: `"${subtask.key}" ${tellWhenReworked(task, subtask)}`, isNew };
}

/** The subtask that a comment is for, by preference that of the key. Throws for a task that takes none. */
function requireReworkable(task: Task, subtasks: readonly Subtask[], key: string | null): Subtask {
  const over = task.acceptedAt ? "accepted" : task.discardedAt ? "discarded" : task.state;
  if (isTaskOver(task.state) && over !== "completed" && over !== "failed") {
    throw new DeputyError("conflict", `${task.id} is ${over} already; hand in a new task.`);
  }
  if (!isTaskOver(task.state) && task.cancelRequestedAt) throw isCancelling(task);
  const able = subtasks.filter(({ state }) => state !== "superseded" && state !== "cancelled");
  const begun = able.filter(({ state }) => state !== "blocked");
  const subtask = able.find((one) => one.key === key) ?? begun.at(-1) ?? able.at(-1);
  if (subtask && task.expectsChange) return subtask;
  throw new DeputyError("conflict", `${task.id} has no change that could be commented on.`);
}

/** False: this key brought the same message before, and nothing is to be done. */
async function keepMessages(
  tx: Tx,
  task: Task,
  to: readonly Subtask[],
  { place, text }: { place: string | null; text: string },
  idempotency: Idempotency | null,
): Promise<boolean> {
  const known = idempotency && (await findMessageKey(tx, task.id, idempotency.key));
  if (known !== null && known !== idempotency?.bodyHash) {
    throw new DeputyError("conflict", "This Idempotency-Key was used for another message.", {
      field: "Idempotency-Key",
    });
  }
  if (known !== null) return false;
  for (const [index, { id }] of to.entries()) {
    const key = index === 0 ? idempotency : null;
    await insertMessage(tx, { taskId: task.id, subtaskId: id, place, text, idempotency: key });
  }
  return true;
}

function isCancelling(task: Task): DeputyError {
  return new DeputyError(
    "conflict",
    `${task.id} is being cancelled: it ends as soon as what runs has stopped.`,
  );
}

function requireSubtask(task: Task, subtasks: readonly Subtask[], key: string): Subtask {
  const found = subtasks.find((subtask) => subtask.key === key);
  if (found) return found;
  const keys = subtasks.map((subtask) => subtask.key).join(", ");
  throw new DeputyError(
    "not_found",
    `${task.id} has no subtask "${key}"; ${keys ? `its subtasks are ${keys}` : "it has none yet"}.`,
    { field: "subtask" },
  );
}
