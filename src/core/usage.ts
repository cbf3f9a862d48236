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

/** Model usage of one attempt. Tokens as the server reported them; null where the agent has none to report. */
export type Usage = {
  role: Role;
  model: string | null;
  calls: number;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  /** Dollars, or null: an unknown price is unknown, not 0. */
  costUsd: number | null;
};
