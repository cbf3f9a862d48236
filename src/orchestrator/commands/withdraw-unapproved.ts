import { isTaskOver } from "../../core/task/lifecycle.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import { change, requestCancel } from "./commands.ts";

/**
 * What a task was to do is not needed any more, and nobody has said yes to it: it is cancelled, so
 * that its question goes away. One that a person approved goes on. Idempotent. `why`: a clause.
 */
export async function withdrawUnapproved(
  deps: AdvanceDeps,
  taskId: string,
  why: string,
): Promise<void> {
  await change(deps, taskId, async (ledger, task) => {
    if (isTaskOver(task.state) || task.cancelRequestedAt) return;
    const open = (await ledger.listOpenQuestions(task.id)).find(({ kind }) => kind === "approval");
    if (!open || task.hold?.kind !== "question" || task.hold.questionId !== open.id) return;
    await requestCancel(ledger, task, `Cancel requested, because ${why}`);
  });
}
