import { isTaskOver } from "../../core/task/lifecycle.ts";
import type { TaskView } from "./task.ts";

/**
 * What became of a task by a command that may have let it continue, ended it, or left it waiting for
 * something else: one clause for people, without a full stop. Pure.
 */
export function tellState(
  task: Pick<TaskView, "cancel_requested_at" | "end_detail" | "id" | "paused_at" | "state">,
): string {
  const { cancel_requested_at, end_detail, id, paused_at, state } = task;
  if (isTaskOver(state)) {
    const why = end_detail ? `: ${end_detail.replace(/\s+/g, " ").trim()}` : "";
    return `${id} is ${state}${why.slice(0, 300).replace(/\.$/, "")}`;
  }
  if (cancel_requested_at) return `${id} is asked to stop; what it did so far is kept`;
  if (paused_at) return `${id} stays paused; it continues after: deputy resume ${id}`;
  if (state === "waiting") return `${id} still waits for a person; see: deputy why ${id}`;
  return `${id} continues`;
}
