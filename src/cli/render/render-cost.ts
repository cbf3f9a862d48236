import type { TaskDetailView } from "../../api/task/task-detail.ts";
import { fromWire } from "../../api/to-wire.ts";
import { formatCount, formatUsd } from "../../core/budget/budget.ts";
import { splitOrchestration } from "../../core/budget/orchestration-share.ts";
import { groupUsage, sumUsage, type UsageCounts } from "../../core/budget/usage.ts";
import { formatDuration, oneLine, renderTable } from "./text.ts";

/** A task's cost so far: by role and model, and the share of directing the work. Pure. */
export function renderCost({
  task,
  attempts,
  usage: byAttempt,
}: Pick<TaskDetailView, "task" | "attempts" | "usage">): string {
  if (byAttempt.length === 0) return "";
  const usage = byAttempt.map(fromWire);
  const groups = groupUsage(usage, ({ role, model }) => `${role} ${model}`);
  const rows = groups.map(({ first, sum }) => [
    `  ${first.role}`,
    oneLine(first.model, 40),
    ...cells(sum),
  ]);
  if (groups.length > 1) rows.push(["  all", "", ...cells(sumUsage(usage))]);
  const paid = attempts.map(({ id, subtask_id, number, decision }) => ({
    ...{ id, subtaskId: subtask_id, number, failure: decision?.kind ?? null },
  }));
  const split = splitOrchestration(usage, paid, task.expects_change);
  return `${renderTable(rows)}\n  orchestration share ${Math.round(split.share * 100)} % of ${split.shareOf}: planning ${amount(split.planning, split.shareOf)}, review ${amount(split.review, split.shareOf)}, recovery ${amount(split.recovery, split.shareOf)} (attempts after a failed one); the work itself ${amount(split.work, split.shareOf)}`;
}

function cells(sum: UsageCounts): string[] {
  return [
    `${sum.calls} call${sum.calls === 1 ? "" : "s"}`,
    `${formatCount(sum.inputTokens)} in (${formatCount(sum.cachedInputTokens)} cached)`,
    `${formatCount(sum.outputTokens)} out`,
    formatDuration(sum.latencyMs),
    formatCost(sum.costUsd),
  ];
}

/** Dollars, or "price unknown". */
export function formatCost(usd: number | null): string {
  return usd === null ? "price unknown" : formatUsd(usd);
}

function amount(counts: UsageCounts, unit: "dollars" | "tokens"): string {
  return unit === "tokens" || counts.costUsd === null
    ? `${formatCount(counts.inputTokens + counts.outputTokens)} tokens`
    : formatUsd(counts.costUsd);
}
