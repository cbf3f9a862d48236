import { needsPerson } from "../../core/forge/decide-repair.ts";
import { decisionOf, type Task } from "../../core/task/task.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import { change } from "./commands.ts";

/**
 * Nothing more is done by itself for delivered work that its forge refuses: a person is told, once
 * for each reason, and it is on the list of what needs one until it is worked on again or decided.
 */
export async function callPerson(deps: AdvanceDeps, taskId: string, why: string): Promise<Task> {
  const endDetail = `${needsPerson}${why}`;
  return change(deps, taskId, async (ledger, task) => {
    if (decisionOf(task) !== "open" || task.endDetail === endDetail) return;
    const called = await ledger.moveTask(task, task.state, task.hold, { endDetail });
    await deps.announce(ledger, called, { type: "task.needs_person", message: endDetail });
  });
}
