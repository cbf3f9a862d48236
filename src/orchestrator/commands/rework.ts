import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { Hold } from "../../core/task/hold.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import type { Announce } from "../transitions/announce.ts";
import { waitForSlot } from "../transitions/stage-retry.ts";

/**
 * Comments that no merged attempt had start another attempt of their subtask: on the merged state,
 * with all of them in its brief. Subtasks are reworked one after the other, so that each one starts
 * with the previous one's result.
 */
export async function startRework(
  ledger: TaskLedger,
  task: Task,
  subtasks: readonly Subtask[],
  announce: Announce,
): Promise<Task | null> {
  const comments = await ledger.listOpenComments(task.id);
  const subtask = subtasks.find(
    ({ id, state }) => state === "completed" && comments.some(({ subtaskId }) => subtaskId === id),
  );
  if (!subtask) return null;
  const about = comments.filter(({ subtaskId }) => subtaskId === subtask.id);
  const next = ((await ledger.getLatestAttempt(subtask.id))?.number ?? 0) + 1;
  await ledger.moveSubtask(subtask, "ready", waitForSlot("execute"), {
    ...restarted(next),
    baseCommit: task.headCommit,
  });
  const hold: Hold = { kind: "dependency", on: [subtask.id], reason: "comments are worked on" };
  const set = { endDetail: null, stageFailures: 0, postponed: 0 };
  const reworked = await ledger.moveTask(task, "running", hold, set);
  await announce(ledger, reworked, {
    type: "subtask.reworked",
    message: `"${subtask.title}" is worked on again, because of ${about.length === 1 ? "a comment" : `${about.length} comments`}, in attempt ${next}`,
    data: { key: subtask.key, next_attempt: next, comments: about.map(({ id }) => id) },
    subtaskId: subtask.id,
  });
  await ledger.wakeStage("execute", task.id, subtask.id);
  return reworked;
}

/** A subtask with a new budget of attempts, from that number on, which starts afresh. */
export function restarted(next: number) {
  return {
    firstCountedAttempt: next,
    sessionId: null,
    fallback: null,
    stageFailures: 0,
    postponed: 0,
    endDetail: null,
    withoutPaths: [],
  };
}
