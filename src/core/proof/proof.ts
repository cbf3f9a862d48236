/** How much effort goes into finding out what a green check means. */
export const proofLevels = ["quick", "standard", "full"] as const;
export type ProofLevel = (typeof proofLevels)[number];

/** The caller's choice, else the repository's configuration, else the daemon's. */
export function resolveProof(
  asked: ProofLevel | null,
  repository: ProofLevel | null,
  configured: ProofLevel | null,
): ProofLevel {
  return asked ?? repository ?? configured ?? "standard";
}

/** Limits for the experiments of one verification, apart from the checks themselves. */
export type ProofBudget = {
  /** Check runs that only narrow down what turned it green. */
  narrowingRuns: number;
  /** Small faults put into the change to see whether its tests notice. */
  mutants: number;
  /** Milliseconds in which experiments may start; running ones are finished. */
  timeMs: number;
};

export const proofBudgets: Record<ProofLevel, ProofBudget> = {
  quick: { narrowingRuns: 0, mutants: 0, timeMs: 5 * 60_000 },
  standard: { narrowingRuns: 8, mutants: 0, timeMs: 15 * 60_000 },
  full: { narrowingRuns: 40, mutants: 11, timeMs: 60 * 60_000 },
};
