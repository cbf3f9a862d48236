import type { Kind } from "../judge-names.ts";

/**
 * The result of splitting a file of which one part decides how checks run and the rest is the
 * change's own business. Each kind of file has its own function.
 */
export type Parts = {
  /** The changes of the deciding part, for people: `scripts.test: "node --test" → "true"`. */
  changes: string[];
  kind: NonNullable<Kind>;
  /** The change's file with the base's deciding part; null: they cannot be separated. */
  oldJudges: string | null;
  /** The base's file with the change's deciding part; null: the file is new, or not separable. */
  oldSource: string | null;
  /** Whether it needs acceptance: not where changes are mostly honest. */
  needsAcceptance: boolean;
  /** See JudgeChange. */
  weaker: string | null;
};

/** The scripts and texts that the checks use, for finding the deciding part. */
export type Uses = { texts: string; scripts: ReadonlySet<string>; known: ReadonlySet<string> };
