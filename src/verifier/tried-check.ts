import type { Check, CheckRun } from "../core/verdict.ts";

/** What one check said on the trees that experiments make of a change. */
export type TriedCheck = {
  check: Check;
  /** On the base; null: it was not run there, so that nothing is known to have turned green. */
  base: CheckRun | null;
  /** On the change as it is. */
  change: CheckRun;
  /** The change with the base's judges; null: not tried, or there is nothing to put back. */
  oldJudges: Tried | null;
  /** The base's source with the change's judges; null: as above. */
  oldSource: Tried | null;
};

export type Tried = { run: CheckRun; tree: string };
