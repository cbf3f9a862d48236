import { DeputyError } from "../../core/base/error.ts";
import { findSpentCap, formatBudget } from "../../core/budget/budget.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import type { Task } from "../../core/task/task.ts";
import { grantBudget } from "../questions/budget-question.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import { change } from "./commands.ts";

/**
 * Sets what a task may cost, higher or lower, in one transaction with what follows: a task that waits for
 * the answer to its budget's question goes on where every cap has room again. Throws a DeputyError for a
 * task that spends nothing any more, or an amount that is spent already.
 */
export async function setBudget(
  deps: AdvanceDeps,
  taskId: string,
  usd: number,
): Promise<{ task: Task; detail: string }> {
  let detail = "";
  const task = await change(deps, taskId, async (ledger, task, subtasks) => {
    if (isTaskOver(task.state) || task.cancelRequestedAt)
      throw new DeputyError(
        "conflict",
        `${taskId} is ${isTaskOver(task.state) ? task.state : "being cancelled"}; it spends nothing any more.`,
      );
    const budget = { ...task.budget, usd };
    const spent = await ledger.readSpent(taskId);
    const used = findSpentCap({ usd }, spent);
    if (used !== null)
      throw new DeputyError(
        "unprocessable",
        `${taskId} cannot go on with that: ${used}; the budget stays as it was.`,
        { field: "budget_usd" },
      );
    const said = `the budget is ${formatBudget(budget)} now`;
    const open = (await ledger.listOpenQuestions(taskId)).find(({ kind }) => kind === "budget");
    const other = findSpentCap(budget, spent);
    detail = other === null ? said : `${said}, and the task still waits: ${other}`;
    if (open && other === null)
      return grantBudget(ledger, task, subtasks, open, { budget, answer: formatBudget({ usd }) });
    await ledger.moveTask(task, task.state, task.hold, { budget });
    await ledger.appendEvent(taskId, {
      type: "task.budget_set",
      message: `Set the budget: ${detail}`,
      data: { budget },
    });
  });
  return { task, detail };
}
