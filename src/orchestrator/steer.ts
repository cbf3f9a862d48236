import { cutText } from "../agents/clean-text.ts";
import { fence } from "../core/data-block.ts";
import { DeputyError } from "../core/error.ts";
import type { Hold } from "../core/hold.ts";
import { isSubtaskOver, isTaskOver } from "../core/lifecycle.ts";
import type { Subtask, Task } from "../core/task.ts";
import { getLatestAttempt } from "../store/attempts.ts";
import { insertSaid } from "../store/said.ts";
import type { Tx } from "../store/schema.ts";
import { appendEvent, moveSubtask, moveTask, notifyPause, ringStage } from "../store/transition.ts";
import type { AdvanceDeps } from "./advance.ts";
import { change, requireFreeSubject } from "./commands.ts";
import { unpause } from "./pause.ts";
import { waitForSlot } from "./stage-retry.ts";
import { tellWhen } from "./tell-when.ts";

/**
 * What a person tells a task on its way: a word to the agent that works on it, a pause, a comment on
 * what it delivered. Each is one transaction, and is kept until it has had its effect: a process that
 * dies in between changes nothing about it.
 */

/** Tell the agents that work on it, or on the subtask of that key. `told` says when each hears it. */
export async function sayToTask(
  deps: AdvanceDeps,
  taskId: string,
  text: string,
  key: string | null,
): Promise<{ task: Task; told: string }> {
  let told = "";
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
    for (const subtask of to) await insertSaid(tx, { taskId, subtaskId: subtask.id, text });
    told = to.map((subtask) => `"${subtask.key}" ${tellWhen(subtask)}`).join("; ");
    await appendEvent(tx, taskId, {
      type: "task.told",
      message: `Told ${to.map((subtask) => `"${subtask.key}"`).join(", ")}: ${text.slice(0, 200)}`,
      data: { text, subtasks: to.map((subtask) => subtask.key) },
    });
  });
  return { task, told };
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
 * Have the change looked at again. While the task works, its agent is told; when it was delivered or
 * has failed, the subtask that wrote the file is done again from the merged state, with the comment
 * and the change so far in its brief, and what is delivered then goes on top.
 */
export async function commentOnTask(
  deps: AdvanceDeps,
  taskId: string,
  comment: Comment,
  about: { diff: string; subtaskKey: string | null },
): Promise<Task> {
  let isReworked = false;
  const task = await change(deps, taskId, async (tx, task, subtasks) => {
    if (!isTaskOver(task.state)) return;
    const over = task.acceptedAt ? "accepted" : task.discardedAt ? "discarded" : task.state;
    if (over !== "completed" && over !== "failed") {
      throw new DeputyError("conflict", `${task.id} is ${over} already; hand in a new task.`);
    }
    const wanted = over === "failed" ? "failed" : "completed";
    const candidates = subtasks.filter(({ state }) => state === wanted);
    const subtask = candidates.find(({ key }) => key === about.subtaskKey) ?? candidates.at(-1);
    if (!subtask || !task.expectsChange) {
      throw new DeputyError("conflict", `${task.id} has no change that could be commented on.`);
    }
    await requireFreeSubject(tx, task);
    await appendEvent(tx, taskId, {
      type: "task.commented",
      message: `Comment on ${comment.place}: ${comment.text.slice(0, 200)}`,
      data: { ...comment, key: subtask.key },
      subtaskId: subtask.id,
    });
    await rework(
      tx,
      task,
      subtask,
      writeRework(comment, about.diff, task.headCommit !== task.preparation?.baseCommit),
    );
    const hold: Hold = { kind: "dependency", on: [subtask.id], reason: "a comment is worked on" };
    await moveTask(tx, task, "running", hold, {
      endDetail: null,
      stageFailures: 0,
      cancelRequestedAt: null,
    });
    isReworked = true;
  });
  if (isReworked) return task;
  const words = `About ${comment.place}: ${comment.text}`;
  return (await sayToTask(deps, taskId, words, about.subtaskKey)).task;
}

/** A finished one starts at once on the merged state; a failed one in its turn, when settling. */
async function rework(tx: Tx, task: Task, subtask: Subtask, feedback: string): Promise<void> {
  const latest = await getLatestAttempt(tx, subtask.id);
  const set = {
    feedback,
    sessionId: null,
    firstCountedAttempt: (latest?.number ?? 0) + 1,
    stageFailures: 0,
    endDetail: null,
  };
  if (subtask.state === "failed") {
    const hold: Hold = { kind: "dependency", on: [subtask.id], reason: "a comment is worked on" };
    await moveSubtask(tx, subtask, "blocked", hold, set);
    return;
  }
  await moveSubtask(tx, subtask, "ready", waitForSlot("execute"), {
    ...set,
    baseCommit: task.headCommit,
  });
  await ringStage(tx, "execute", task.id, subtask.id);
}

/** `isMerged`: the change is in the commit that the next attempt starts from. */
function writeRework({ place, text }: Comment, diff: string, isMerged: boolean): string {
  const where = isMerged
    ? "The worktree holds the work so far. As a diff it is:"
    : "The last attempt's change was not taken, so nothing of it is in the worktree. As a diff it was:";
  return [
    "The work was done and a person has looked at it. Change it so that this comment is met; leave the rest as it is.",
    `The comment, on ${place}:\n\n${text}`,
    `${where}\n\n${fence(cutText(diff, maxDiffChars))}`,
  ].join("\n\n");
}

const maxDiffChars = 100_000;

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
