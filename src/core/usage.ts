/** Model usage of one attempt. Tokens as the server reported them; null where the agent has none to report. */
export type Usage = {
  role: "planner" | "coder" | "reviewer";
  model: string | null;
  calls: number;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  /** Dollars, or null: an unknown price is unknown, not 0. */
  costUsd: number | null;
};
