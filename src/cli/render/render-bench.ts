import { formatCount } from "../../core/budget/budget.ts";
import { sumUsage, type UsageCounts } from "../../core/budget/usage.ts";
import { formatCost } from "./render-cost.ts";
import { formatDuration, oneLine, renderTable } from "./text.ts";

/** The result of one task in one mode. */
export type BenchResult = {
  task: string;
  mode: string;
  id: string;
  passed: boolean;
  result: string;
  usage: UsageCounts;
  durationMs: number;
};

/** A table of all tasks with their modes, then a total for each mode. Pure. */
export function renderBench(results: readonly BenchResult[]): string {
  const modes = [...new Set(results.map(({ mode }) => mode))];
  const totals = modes.map((mode) => {
    const own = results.filter((result) => result.mode === mode);
    const passed = `${own.filter((result) => result.passed).length} of ${own.length}`;
    const durationMs = own.reduce((sum, result) => sum + result.durationMs, 0);
    return toRow("all", mode, passed, sumUsage(own.map(({ usage }) => usage)), durationMs);
  });
  return renderTable([
    ["TASK", "MODE", "PASS", "CALLS", "TOKENS", "CACHED", "COST", "TIME"],
    ...results.map(({ task, mode, result, usage, durationMs }) =>
      toRow(oneLine(task, 40), mode, result, usage, durationMs),
    ),
    ...totals,
  ]);
}

function toRow(task: string, mode: string, pass: string, usage: UsageCounts, durationMs: number) {
  return [
    task,
    mode,
    pass,
    `${usage.calls}`,
    formatCount(usage.inputTokens + usage.outputTokens),
    formatCount(usage.cachedInputTokens),
    formatCost(usage.costUsd),
    formatDuration(durationMs),
  ];
}
