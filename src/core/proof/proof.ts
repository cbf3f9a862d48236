/** How much the daemon tries to find out what a green check means. */
export const proofLevels = ["quick", "standard", "full"] as const;
export type ProofLevel = (typeof proofLevels)[number];

/** What the caller asked for, else the repository's configuration, else the daemon's. */
export function resolveProof(
  asked: ProofLevel | null,
  repository: ProofLevel | null,
  configured: ProofLevel | null,
): ProofLevel {
  return asked ?? repository ?? configured ?? "standard";
}

/** What the experiments of one verification may take, beside the checks themselves. */
export type ProofBudget = {
  /** Runs of a check that only narrow down what made it green. */
  narrowingRuns: number;
  /** Small faults put into the change, to see whether its tests notice. */
  mutants: number;
  /** Milliseconds in which experiments may begin; those that run are finished. */
  timeMs: number;
};

export const proofBudgets: Record<ProofLevel, ProofBudget> = {
  quick: { narrowingRuns: 0, mutants: 0, timeMs: 5 * 60_000 },
  standard: { narrowingRuns: 8, mutants: 0, timeMs: 15 * 60_000 },
  full: { narrowingRuns: 40, mutants: 11, timeMs: 60 * 60_000 },
};
