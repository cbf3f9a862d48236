import { newId } from "../../core/base/id.ts";
import { isSubtaskOver, isTaskOver } from "../../core/task/lifecycle.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import { change, requestCancel } from "./commands.ts";

/**
 * Somebody took back on GitHub what a task is for: they closed the issue or the pull request, or
 * removed the label. The task is cancelled; where its work is nearly done it is paused, and a person
 * is asked. Returns what was done, in one clause. Idempotent.
 */
export async function stopForSubject(
  deps: AdvanceDeps,
  taskId: string,
  /** `what`: a clause with its actor. `label`: the one removed; null: it is closed. */
  { label, what }: { what: string; label: string | null },
): Promise<string> {
  let result = "";
  await change(deps, taskId, async (ledger, task, subtasks) => {
    if (isTaskOver(task.state) || task.cancelRequestedAt) {
      result = `ignored: ${task.id} is ending already`;
      return;
    }
    if (label !== null && label.toLowerCase() !== task.origin.label?.toLowerCase()) {
      result = `ignored: ${task.id} was not started for that label`;
      return;
    }
    if (!isNearlyDone(task, subtasks)) {
      await requestCancel(ledger, task, `Cancel requested, because ${what}`);
      result = `stopped: ${task.id}`;
      return;
    }
    result = `asked whether ${task.id} goes on, because its work is nearly done`;
    if (task.pausedAt) return;
    const id = newId("question");
    const question = `${what}, and the work is nearly done: shall it go on? Answer yes, or end it with deputy cancel ${task.id}.`;
    const about = { taskId, subtaskId: null, kind: "pause" } as const;
    await ledger.insertQuestion({ id, ...about, text: question });
    const paused = await ledger.moveTask(task, task.state, task.hold, { pausedAt: new Date() });
    await ledger.appendEvent(taskId, { type: "task.paused", message: `Paused, because ${what}` });
    await deps.announce(ledger, paused, {
      type: "question.asked",
      message: `Question: ${question}`,
      data: { question_id: id, question, kind: "pause" },
    });
    ledger.notifyPause(taskId);
  });
  return result;
}

/** Nobody writes any more: what is left is checked, merged and delivered. */
export function isNearlyDone(task: Pick<Task, "state">, subtasks: readonly Subtask[]): boolean {
  if (task.state === "delivering") return true;
  const isLate = ({ state }: Subtask) =>
    isSubtaskOver(state) || state === "verifying" || state === "integrating";
  return task.state === "running" && subtasks.length > 0 && subtasks.every(isLate);
}
