/** Who a model works as. */
export const roles = ["planner", "coder", "reviewer"] as const;
export type Role = (typeof roles)[number];

/** One call that a model server finished, as it counted it itself. */
export type ModelCall = {
  model: string;
  /** Null: the server did not say, so the cost is unknown too. `inputTokens` includes the cached ones. */
  tokens: Tokens | null;
  latencyMs: number;
  /** Dollars as the agent itself reports them; null: by the price table. */
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
 * What a model used in one place: one row for each attempt (or run that is no attempt), role, agent
 * and model. Tokens as the server counted them.
 */
export type Usage = UsageCounts & {
  /** Null for what is about the whole task: planning. */
  subtaskId: string | null;
  /** The attempt that made or judged the work; null for planning of the whole. */
  attemptId: string | null;
  role: Role;
  agent: string;
  model: string;
};

export type UsageCounts = {
  calls: number;
  /** Of these, calls of which the server did not say what they used: the tokens are too few by them. */
  callsWithoutTokens: number;
  /** Includes the cached ones. */
  inputTokens: number;
  cachedInputTokens: number;
  /** Includes those of reasoning. */
  outputTokens: number;
  reasoningTokens: number;
  /** Time that the calls took, one after the other. */
  latencyMs: number;
  /** Dollars, or null as soon as the price of one call is unknown: a sum is never smaller than the truth. */
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

/** Sums by whatever `keyOf` tells apart, in the order in which it first comes. */
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
