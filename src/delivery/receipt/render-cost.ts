import { formatBudget } from "../../core/budget/budget.ts";
import type { Receipt } from "./receipt.ts";
import type { CostCounts } from "./receipt-cost.ts";

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

/** The receipt's part on cost, as Markdown. An unknown price is "unknown", never 0. */
export function renderCost(
  { usage, usage_by_attempt, cost }: Pick<Receipt, "usage" | "usage_by_attempt" | "cost">,
  table: Table,
): string[] {
  const budget = cost.budget ? [`Budget: ${formatBudget(cost.budget)}.`] : [];
  if (usage.length === 0) return ["No model was called.", ...budget];
  const { orchestration } = cost;
  const parts = (["planning", "review", "recovery"] as const).map(
    (part) => `${part} ${amount(orchestration[part], orchestration.share_of)}`,
  );
  const rows = usage.map(({ role, model, ...counts }) => [role, model, ...cells(counts)]);
  return [
    table(
      ["Role", "Model", ...columns],
      usage.length < 2 ? rows : [...rows, ["all", "", ...cells(cost)]],
    ),
    ...(usage_by_attempt.length > usage.length
      ? [
          table(
            ["Subtask", "Attempt", "Role", "Model", ...columns],
            usage_by_attempt.map((row) => [
              row.subtask ?? "–",
              row.attempt === null ? "–" : `${row.attempt}`,
              row.role,
              row.model,
              ...cells(row),
            ]),
          ),
        ]
      : []),
    `Orchestration share: ${percent(orchestration.share)} of ${orchestration.share_of}: ${parts.join(", ")} (attempts after a failed one); the work itself ${amount(orchestration.work, orchestration.share_of)}.`,
    ...(cost.calls_without_tokens > 0
      ? [
          `The server reported no usage for ${cost.calls_without_tokens} calls: these numbers do not include it.`,
        ]
      : []),
    ...budget,
  ];
}

const columns = [
  "Calls",
  "Input tokens",
  "of these cached",
  "Output tokens",
  "Model time",
  "Dollars",
];

function cells(counts: CostCounts): string[] {
  return [
    `${counts.calls}`,
    `${counts.input_tokens}`,
    `${counts.cached_input_tokens}`,
    `${counts.output_tokens}`,
    `${(counts.latency_ms / 1000).toFixed(1)} s`,
    counts.cost_usd === null ? "unknown" : counts.cost_usd.toFixed(4),
  ];
}

/** In the unit of the share: dollars, or tokens if a price is unknown. */
function amount(counts: CostCounts, unit: "dollars" | "tokens"): string {
  return unit === "tokens" || counts.cost_usd === null
    ? `${counts.input_tokens + counts.output_tokens} tokens`
    : `$${counts.cost_usd.toFixed(4)}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
