import type { Check, CheckRun } from "../../core/proof/verdict.ts";
import { placeRuns, type TrialInput } from "../experiments/trials.ts";
import { checkLogPath, withCleanWorktree } from "../place/clean-worktree.ts";
import { setUp } from "../place/set-up.ts";
import { runCheck } from "./run-checks.ts";

/**
 * Returns a function that runs a check on the base again, in a clean worktree after setup, to see
 * whether it gives the same result twice without any change. Its log names hold the round's number.
 */
export function makeRepeatOnBase(
  input: TrialInput,
  check: Check,
  index: number,
): () => Promise<CheckRun> {
  let round = 0;
  return () =>
    withCleanWorktree(input, input.baseCommit, async (clean) => {
      const label = `-base-again-${++round}`;
      const place = placeRuns(input, { ...clean, commit: input.baseCommit });
      const setup = await setUp(input, place, [check], label);
      if (setup && !setup.ok) return { ...setup.run, status: "inconclusive" as const };
      return runCheck(check, place, checkLogPath(input.logRoot, index, check, label));
    });
}
