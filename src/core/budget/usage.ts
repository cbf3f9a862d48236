/** The role that a model works in. */
export const roles = ["planner", "coder", "reviewer"] as const;
export type Role = (typeof roles)[number];

/** One finished model call, as the server counted it. */
export type ModelCall = {
  model: string;
  /**
   * Null: the server did not say, so the cost is unknown too. `inputTokens` includes the cached
   * ones.
   */
  tokens: Tokens | null;
  latencyMs: number;
  /** Dollars as the agent reports them; null: use the price table. */
  costUsd: number | null;
};

export type Tokens = {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  /** Part of the output tokens. */
  reasoningTokens: number;
};

/**
 * One model's usage in one place: a row for each attempt (or run without attempt), role, agent and
 * model. Tokens as the server counted them.
 */
export type Usage = UsageCounts & {
  /** Null if it concerns the whole task: planning. */
  subtaskId: string | null;
  /** The attempt that made or judged the work; null for planning the whole task. */
  attemptId: string | null;
  role: Role;
  agent: string;
  model: string;
};

export type UsageCounts = {
  calls: number;
  /** Calls without token counts from the server: the tokens lack theirs. */
  callsWithoutTokens: number;
  /** Includes the cached ones. */
  inputTokens: number;
  cachedInputTokens: number;
  /** Includes reasoning tokens. */
  outputTokens: number;
  reasoningTokens: number;
  /** Total duration of the calls. */
  latencyMs: number;
  /** Dollars, or null if the price of any call is unknown: a sum is never too small. */
  costUsd: number | null;
};

export const noUsage: UsageCounts = {
  calls: 0,
  callsWithoutTokens: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  latencyMs: 0,
  costUsd: 0,
};

export function sumUsage(counts: readonly UsageCounts[]): UsageCounts {
  return counts.reduce<UsageCounts>(
    (sum, more) => ({
      calls: sum.calls + more.calls,
      callsWithoutTokens: sum.callsWithoutTokens + more.callsWithoutTokens,
      inputTokens: sum.inputTokens + more.inputTokens,
      cachedInputTokens: sum.cachedInputTokens + more.cachedInputTokens,
      outputTokens: sum.outputTokens + more.outputTokens,
      reasoningTokens: sum.reasoningTokens + more.reasoningTokens,
      latencyMs: sum.latencyMs + more.latencyMs,
      costUsd: sum.costUsd === null || more.costUsd === null ? null : sum.costUsd + more.costUsd,
    }),
    noUsage,
  );
}

/** Sums by the key that `keyOf` returns, in order of first appearance. */
export function groupUsage<Row extends UsageCounts>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): { first: Row; sum: UsageCounts }[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].flatMap((group) =>
    group[0] ? [{ first: group[0], sum: sumUsage(group) }] : [],
  );
}
