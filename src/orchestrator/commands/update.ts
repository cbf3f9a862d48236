import { DeputyError } from "../../core/base/error.ts";
import type { BaseUpdate, Preparation, Task } from "../../core/task/task.ts";
import { decisionOf } from "../../core/task/task.ts";
import { requireUndecided } from "../questions/require-undecided.ts";
import { faultPoint } from "../runner/fault-point.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import { change, requireFreeSubject } from "./commands.ts";

/**
 * Finished work goes on from a merge with its base. Where the two fit together it is delivered again, by
 * the final gate; where they conflict the subtask that wrote the files is worked on again, as after a
 * comment. Throws a DeputyError if the task is not what was read.
 */
export async function updateTask(
  deps: AdvanceDeps,
  read: Task,
  preparation: Preparation & { update: BaseUpdate },
  comment: { subtaskId: string; text: string } | null,
): Promise<Task> {
  faultPoint("task.updated", "reported");
  const { baseRef: name, update } = preparation;
  return change(deps, read.id, async (ledger, task, subtasks) => {
    const isSame =
      task.state === "completed" &&
      decisionOf(task) === "open" &&
      task.headCommit === read.headCommit &&
      task.deliveredCommit === read.deliveredCommit;
    if (!isSame)
      throw new DeputyError("conflict", `${task.id} has changed meanwhile: look at it again.`);
    await requireUndecided(ledger, task.id);
    await requireFreeSubject(ledger, task);
    if (comment) {
      const { subtaskId, text } = comment;
      const said = { place: name, text, voice: "base", idempotency: null } as const;
      const message = { taskId: task.id, subtaskId, ...said };
      await ledger.insertMessage(message);
    }
    const on = subtasks.map(({ id }) => id);
    const hold = { kind: "dependency", on, reason: `${name} has moved` } as const;
    const set = { preparation, headCommit: update.head, endDetail: null, gateVerdict: null };
    await ledger.moveTask(task, "running", hold, { ...set, stageFailures: 0, postponed: 0 });
    await ledger.appendEvent(task.id, {
      type: "task.updated",
      message: describeUpdate(name, update),
      data: { ...update, ref: name },
    });
  });
}

/** What an update does, in one clause without a full stop. */
export function describeUpdate(name: string, { base, conflicts }: BaseUpdate): string {
  const what =
    conflicts.length === 0
      ? "is merged into the work, which is checked and delivered again"
      : `conflicts with the work in ${conflicts.join(", ")}, which is worked on again`;
  return `${name} at ${base.slice(0, 10)} ${what}`;
}
