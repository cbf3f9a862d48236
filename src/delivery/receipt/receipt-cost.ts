import { splitOrchestration } from "../../core/budget/orchestration-share.ts";
import {
  groupUsage,
  noUsage,
  sumUsage,
  type Usage,
  type UsageCounts,
} from "../../core/budget/usage.ts";
import type { Attempt, Subtask, Task } from "../../core/task/task.ts";

/**
 * The receipt's account of cost: by role and model, by attempt, and the share of directing the
 * work.
 */
export function describeCost(input: {
  task: Pick<Task, "budget" | "expectsChange">;
  subtasks: readonly Pick<Subtask, "id" | "key">[];
  attempts: readonly Pick<Attempt, "id" | "subtaskId" | "number" | "decision">[];
  usage: readonly Usage[];
}) {
  const { task, subtasks, attempts, usage } = input;
  const keyOf = new Map(subtasks.map(({ id, key }) => [id, key]));
  const numberOf = new Map(attempts.map(({ id, number }) => [id, number]));
  const paid = attempts.map(({ decision, ...one }) => ({
    ...one,
    failure: decision?.kind ?? null,
  }));
  const split = splitOrchestration(usage, paid, task.expectsChange);
  return {
    usage: groupUsage(usage, ({ role, model }) => `${role} ${model}`).map(({ first, sum }) => ({
      role: first.role,
      model: first.model,
      ...toWire(sum),
    })),
    usage_by_attempt: usage.map((row) => ({
      subtask: row.subtaskId === null ? null : (keyOf.get(row.subtaskId) ?? row.subtaskId),
      attempt: row.attemptId === null ? null : (numberOf.get(row.attemptId) ?? null),
      role: row.role,
      agent: row.agent,
      model: row.model,
      ...toWire(row),
    })),
    cost: {
      ...toWire(usage.length === 0 ? noUsage : sumUsage(usage)),
      budget: task.budget,
      orchestration: {
        planning: toWire(split.planning),
        review: toWire(split.review),
        recovery: toWire(split.recovery),
        work: toWire(split.work),
        share: split.share,
        share_of: split.shareOf,
      },
    },
  };
}

export type CostCounts = ReturnType<typeof toWire>;

function toWire(counts: UsageCounts) {
  return {
    calls: counts.calls,
    calls_without_tokens: counts.callsWithoutTokens,
    input_tokens: counts.inputTokens,
    cached_input_tokens: counts.cachedInputTokens,
    output_tokens: counts.outputTokens,
    reasoning_tokens: counts.reasoningTokens,
    latency_ms: counts.latencyMs,
    cost_usd: counts.costUsd,
  };
}
