import { DeputyError } from "../../core/base/error.ts";
import { invariant } from "../../core/base/invariant.ts";
import type {
  Idempotency,
  NewMessage,
  TaskChange,
  TaskLedger,
} from "../../core/ledger/task-ledger.ts";
import { isSubtaskOver, isTaskOver } from "../../core/task/lifecycle.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { requireUndecided } from "../questions/require-undecided.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import {
  change,
  changeAndRead,
  reopenFailed,
  requireFreeSubject,
  requireTask,
} from "./commands.ts";
import { unpause } from "./pause.ts";
import { tellWhen, tellWhenReworked } from "./tell-when.ts";

/**
 * A person's steering of a task in progress: a message to its agents, a pause, a comment on what it
 * delivered. Each is one transaction and is kept until it has taken effect, so a process that dies
 * in between loses nothing.
 */

/**
 * Send a message to the agents at work on the task, or on the subtask with that key. `when` says
 * when each receives it.
 */
export async function sayToTask(
  deps: AdvanceDeps,
  taskId: string,
  text: string,
  key: string | null,
  idempotency: Idempotency | null = null,
): Promise<{ task: Task; when: string; isNew: boolean }> {
  let when = "";
  let isNew = true;
  const task = await change(deps, taskId, async (ledger, task, subtasks) => {
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
      throw new DeputyError(
        "conflict",
        `${task.id} has no subtask yet; send the message once it runs.`,
      );
    }
    isNew = await keepMessages(ledger, task, to, [{ place: null, text }], idempotency);
    when = to.map((subtask) => `"${subtask.key}" ${tellWhen(subtask)}`).join("; ");
    if (!isNew) return;
    await ledger.appendEvent(taskId, {
      type: "task.messaged",
      message: `Sent ${to.map((subtask) => `"${subtask.key}"`).join(", ")}: ${text.slice(0, 200)}`,
      data: { text, subtasks: to.map((subtask) => subtask.key) },
    });
  });
  return { task, when, isNew };
}

/**
 * Pause: running attempts are parked with all their work, and nothing starts until the task is
 * resumed.
 */
export async function pauseTask(deps: AdvanceDeps, taskId: string): Promise<Task> {
  return change(deps, taskId, async (ledger, task) => {
    if (isTaskOver(task.state)) {
      throw new DeputyError("conflict", `${task.id} is ${task.state}; there is nothing to pause.`);
    }
    if (task.cancelRequestedAt) throw isCancelling(task);
    if (task.pausedAt) return;
    await ledger.moveTask(task, task.state, task.hold, { pausedAt: new Date() });
    await ledger.appendEvent(taskId, { type: "task.paused", message: "Paused" });
    ledger.notifyPause(taskId);
  });
}

/** Resume a paused task where it stopped. Throws a DeputyError if it is not paused. */
export async function resumeTask(deps: AdvanceDeps, taskId: string): Promise<Task> {
  return change(deps, taskId, async (ledger, task, subtasks) => {
    if (!task.pausedAt) {
      throw new DeputyError("conflict", `${task.id} is not paused; it is ${task.state}.`);
    }
    await unpause(ledger, task, subtasks);
  });
}

/** A comment on lines of the change: `file:line` and the text; and what it was bound to. */
export type Comment = Pick<NewMessage, "commentId" | "side" | "text" | "tree" | "voice"> & {
  place: string;
};

/**
 * Have the change reworked. A comment is kept until an attempt that had it is merged: a running
 * attempt gets it if it can, otherwise the subtask that wrote the file is worked on again, from the
 * merged state, as soon as nothing else of the task is open. A delivered or failed task is
 * reopened. A batch is worked on at once, by one subtask. `when` says when it is worked on; `isNew` is false for a repeated idempotency key. `set`:
 * what a task that is over starts from, and what it is about, where that has changed.
 */
export async function commentOnTask(
  deps: AdvanceDeps,
  taskId: string,
  given: Comment | readonly Comment[],
  subtaskKey: string | null,
  idempotency: Idempotency | null = null,
  {
    shown,
    ...set
  }: Pick<TaskChange, "origin" | "headCommit"> & {
    /** The head that the comments are about, where it must be still that one. */
    shown?: string | null;
  } = {},
): Promise<{ task: Task; when: string; isNew: boolean }> {
  let subtaskId = "";
  let isNew = true;
  const comments = [given].flat();
  const [comment] = comments;
  invariant(comment, "nobody sends an empty batch of comments");
  const more = comments.length > 1 ? ` and ${comments.length - 1} more` : "";
  const work = async (ledger: TaskLedger, found: Task, subtasks: readonly Subtask[]) => {
    const subtask = requireReworkable(found, subtasks, subtaskKey);
    subtaskId = subtask.id;
    isNew = await keepMessages(ledger, found, [subtask], comments, idempotency);
    if (!isNew) return;
    if (shown !== undefined && found.headCommit !== shown)
      throw new DeputyError(
        "conflict",
        `The work of ${taskId} went on while the comments were sent; none was taken: look at it again.`,
      );
    if (isTaskOver(found.state)) {
      await requireUndecided(ledger, found.id);
      await requireFreeSubject(ledger, found);
    }
    const { origin } = set;
    const own = isTaskOver(found.state) ? set : { ...(origin && { origin }) };
    const isSet = Object.keys(own).length > 0;
    const task = isSet ? await ledger.moveTask(found, found.state, found.hold, own) : found;
    await ledger.appendEvent(taskId, {
      type: "task.commented",
      message: `Comment on ${comment.place}${more}: ${comment.text.slice(0, 200)}`,
      data: {
        ...{ place: comment.place, text: comment.text, key: subtask.key },
        ...(more && { comments: comments.map(({ place, text }) => ({ place, text })) }),
      },
      subtaskId: subtask.id,
    });
    if (task.state !== "failed") return;
    // A failed subtask would fail the task again, whatever happens to the comment.
    const failed = subtasks.filter(({ state }) => state === "failed");
    await reopenFailed(ledger, task, failed, failed.length > 0 ? failed : [subtask]);
  };
  const [task, subtasks] = await changeAndRead(deps, taskId, work, (ledger) =>
    Promise.all([requireTask(ledger, taskId), ledger.listSubtasks(taskId)]),
  );
  const subtask = subtasks.find(({ id }) => id === subtaskId);
  invariant(subtask, "a subtask is never deleted");
  return { task, when: `"${subtask.key}" ${tellWhenReworked(task, subtask)}`, isNew };
}

/**
 * The subtask for a comment, preferably the one with that key. Throws a DeputyError if the task
 * takes no comments.
 */
function requireReworkable(task: Task, subtasks: readonly Subtask[], key: string | null): Subtask {
  const taken = task.acceptedAt ? "accepted" : task.rolledBackAt ? "rolled back" : null;
  const over = taken ?? (task.discardedAt ? "discarded" : task.state);
  if (isTaskOver(task.state) && over !== "completed" && over !== "failed") {
    throw new DeputyError("conflict", `${task.id} is ${over} already; submit a new task.`);
  }
  if (!isTaskOver(task.state) && task.cancelRequestedAt) throw isCancelling(task);
  const able = subtasks.filter(({ state }) => state !== "superseded" && state !== "cancelled");
  const begun = able.filter(({ state }) => state !== "blocked");
  const subtask = able.find((one) => one.key === key) ?? begun.at(-1) ?? able.at(-1);
  if (subtask && task.expectsChange) return subtask;
  throw new DeputyError("conflict", `${task.id} has no change that could be commented on.`);
}

/** Returns false if this key already brought the same message, and there is nothing to do. */
async function keepMessages(
  ledger: TaskLedger,
  task: Task,
  to: readonly Subtask[],
  messages: readonly (Omit<Comment, "place"> & { place: string | null })[],
  idempotency: Idempotency | null,
): Promise<boolean> {
  const known = idempotency && (await ledger.findMessageKey(task.id, idempotency.key));
  if (known !== null && known !== idempotency?.bodyHash) {
    throw new DeputyError("conflict", "This Idempotency-Key was used for another message.", {
      field: "Idempotency-Key",
    });
  }
  if (known !== null) return false;
  let key = idempotency;
  for (const { id } of to) {
    for (const message of messages) {
      await ledger.insertMessage({
        ...message,
        ...{ taskId: task.id, subtaskId: id, idempotency: key },
      });
      key = null;
    }
  }
  return true;
}

function isCancelling(task: Task): DeputyError {
  return new DeputyError(
    "conflict",
    `${task.id} is being cancelled: it ends as soon as running work has stopped.`,
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
