import type { Check, CheckRun } from "../../core/proof/verdict.ts";

/** One check's results on the trees that experiments make of a change. */
export type TriedCheck = {
  check: Check;
  /** On the base; null when it did not run there, so nothing is known to have turned green. */
  base: CheckRun | null;
  /** On the change as it is. */
  change: CheckRun;
  /** The change with the base's judges; null when not tried or nothing is to be put back. */
  oldJudges: Tried | null;
  /** The base's source with the change's judges; null for the same reasons. */
  oldSource: Tried | null;
};

export type Tried = { run: CheckRun; tree: string };
