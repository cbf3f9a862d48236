import type { Kind } from "./judge-names.ts";

/**
 * Files of which one part decides how checks run and the rest is the change's own business. Each kind
 * of file has a function that takes both texts apart; this is what it returns.
 */
export type Parts = {
  /** What changed in the deciding part, for people: `scripts.test: "node --test" → "true"`. */
  changes: string[];
  kind: NonNullable<Kind>;
  /** The change's file with the base's deciding part; null: they cannot be told apart. */
  oldJudges: string | null;
  /** The base's file with the change's deciding part; null: as before. */
  oldSource: string | null;
  /** Whether somebody has to accept it: not where it changes for honest reasons mostly. */
  needsAcceptance: boolean;
  /** See JudgeChange. */
  weaker: string | null;
};

/** What the checks use, for telling which part decides. */
export type Uses = { texts: string; scripts: ReadonlySet<string>; known: ReadonlySet<string> };
