import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { LostWork } from "../../core/task/outcome.ts";
import type { Preparation, Subtask, Task } from "../../core/task/task.ts";
import { restarted } from "../commands/rework.ts";
import type { Announce } from "../transitions/announce.ts";

/**
 * The head of the task branch was lost with the mirror: it is reset to the last commit that is
 * left, and the completed subtasks whose work is missing from it are redone in plan order. Settling
 * starts them. Reports of other stages in the meantime stand.
 */
export async function redoLost(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  subtasks: readonly Subtask[],
  { detail, head, subtaskIds }: LostWork,
): Promise<void> {
  if (head === null || task.headCommit !== head.lost) return;
  const redone = subtasks.filter(
    ({ id, state }) => state === "completed" && subtaskIds.includes(id),
  );
  for (const subtask of redone) {
    const next = ((await ledger.getLatestAttempt(subtask.id))?.number ?? 0) + 1;
    const on = { kind: "dependency", on: [subtask.id], reason: detail } as const;
    await ledger.moveSubtask(subtask, "blocked", on, {
      ...restarted(next),
      integratedCommit: null,
    });
    await ledger.reopenMessages(subtask.id);
    await announce(ledger, task, {
      type: "subtask.retried",
      message: `"${subtask.title}" is worked on again, from attempt ${next} on: ${detail}`,
      data: { key: subtask.key, next_attempt: next },
      subtaskId: subtask.id,
    });
  }
  const { preparation } = task;
  const set = {
    ...{ headCommit: head.to, stageFailures: 0, postponed: 0 },
    ...(preparation && head.base && { preparation: withoutUpdate(preparation, head.base) }),
  };
  if (task.state !== "delivering") {
    await ledger.moveTask(task, task.state, task.hold, set);
    return;
  }
  const on = redone.map(({ id }) => id);
  await ledger.moveTask(task, "running", { kind: "dependency", on, reason: detail }, set);
}

function withoutUpdate({ update: _, ...rest }: Preparation, baseCommit: string): Preparation {
  return { ...rest, baseCommit };
}
