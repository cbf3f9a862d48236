import { splitOrchestration } from "../../core/budget/orchestration-share.ts";
import { groupUsage, sumUsage, type UsageCounts } from "../../core/budget/usage.ts";
import type { Spending, TaskCost } from "../../core/page/overview.ts";
import type { TaskDetail } from "../../core/task/task-detail.ts";

/** What a task cost, by role, model and attempt. Pure. */
export function describeTaskCost({ attempts, subtasks, task, usage }: TaskDetail): TaskCost {
  const keyOf = new Map(subtasks.map(({ id, key }) => [id, key]));
  const numberOf = new Map(attempts.map(({ id, number }) => [id, number]));
  const paid = attempts.map(({ decision, ...one }) => ({
    ...one,
    failure: decision?.kind ?? null,
  }));
  return {
    totalUsd: usage.length === 0 ? 0 : sumUsage(usage).costUsd,
    byRole: groupUsage(usage, ({ role }) => role).map(({ first, sum }) => ({
      ...{ role: first.role, ...spent(sum) },
    })),
    byModel: groupUsage(usage, ({ model }) => model).map(({ first, sum }) => ({
      ...{ model: first.model, ...spent(sum) },
    })),
    byAttempt: usage.map((row) => ({
      ...{ role: row.role, model: row.model, ...spent(row) },
      subtask: row.subtaskId === null ? null : (keyOf.get(row.subtaskId) ?? null),
      attempt: row.attemptId === null ? null : (numberOf.get(row.attemptId) ?? null),
    })),
    orchestrationShare: splitOrchestration(usage, paid, task.expectsChange).share,
  };
}

function spent({ calls, costUsd, inputTokens, outputTokens }: UsageCounts): Spending {
  return { usd: costUsd, tokensIn: inputTokens, tokensOut: outputTokens, calls };
}
