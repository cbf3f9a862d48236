import { DeputyError } from "../../core/base/error.ts";
import { invariant } from "../../core/base/invariant.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { Check } from "../../core/proof/verdict.ts";
import { isSubtaskOver } from "../../core/task/lifecycle.ts";
import type { Subtask, Task } from "../../core/task/task.ts";

/** What a person changes of a task when it is tried again; the caller has checked the names. */
export type RetryChanges = {
  agent?: string;
  /** Of the agent; without one it uses its own. */
  model?: string;
  attemptTimeoutMs?: number;
  /**
   * The caller's checks, in place of the former ones, and all checks with them; null: the task is not
   * prepared, so its plan stage makes them.
   */
  checks?: { commands: string[]; all: Check[] | null };
};

/**
 * Throws a DeputyError for a change that nothing would notice: every part is finished, and only the
 * delivery is tried again.
 */
export function requireWork(
  task: Task,
  subtasks: readonly Subtask[],
  { agent, model, checks }: RetryChanges,
): void {
  const isChanged = agent !== undefined || model !== undefined || checks !== undefined;
  if (!isChanged || subtasks.length === 0) return;
  if (subtasks.some(({ state }) => !isSubtaskOver(state) || state === "failed")) return;
  throw new DeputyError(
    "conflict",
    `Every part of ${task.id} is finished, and only its delivery is tried again: an agent, a model or checks would change nothing; retry it without them.`,
  );
}

/** Writes the changes to a task that is tried again, and to every part that is not finished. */
export async function applyChanges(
  ledger: TaskLedger,
  taskId: string,
  changes: RetryChanges,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  const { agent, attemptTimeoutMs, checks, model } = changes;
  const locked = await ledger.lockTask(taskId);
  invariant(locked, "a task that is tried again exists");
  const { task, subtasks } = locked;
  const { preparation } = task;
  await ledger.moveTask(task, task.state, task.hold, {
    ...(agent !== undefined && { agent, agentNamed: true }),
    ...(attemptTimeoutMs !== undefined && { attemptTimeoutMs }),
    ...(checks && { checks: checks.commands }),
    ...(checks?.all && preparation && { preparation: { ...preparation, checks: checks.all } }),
  });
  if (agent === undefined && model === undefined) return;
  for (const subtask of subtasks) {
    if (isSubtaskOver(subtask.state)) continue;
    const worker = agent ?? subtask.agent;
    const fallback = model === undefined ? null : { agent: worker, model };
    // A session belongs to the agent and the model that began it.
    const set = { agent: worker, fallback, sessionId: null };
    await ledger.moveSubtask(subtask, subtask.state, subtask.hold, set);
  }
}

/** ", with agent codex and 30 minutes an attempt", or nothing. */
export function describeChanges({ agent, attemptTimeoutMs, checks, model }: RetryChanges): string {
  const said = [
    ...(agent === undefined ? [] : [`agent ${agent}`]),
    ...(model === undefined ? [] : [`model ${model}`]),
    ...(attemptTimeoutMs === undefined ? [] : [`${attemptTimeoutMs / 60_000} minutes an attempt`]),
    ...(checks ? [`checks ${checks.commands.map((one) => `\`${one}\``).join(", ")}`] : []),
  ];
  return said.length === 0 ? "" : `, with ${said.join(", ")}`;
}
