import type { Check, CheckRun } from "../../core/proof/verdict.ts";
import type { Baseline } from "../../core/task/task.ts";
import type { ProcessIdentity } from "../../sandbox/process/process-identity.ts";
import { placeRuns } from "../experiments/trials.ts";
import { type CleanPlace, checkLogPath, runSetup, withCleanWorktree } from "./clean-worktree.ts";
import { runCheck } from "./run-checks.ts";

/**
 * Runs the same checks on the base commit, once per task. A check that was red before the work
 * began is not the work's fault, and the tests that ran then must still run.
 */
export type BaselineInput = CleanPlace & {
  checks: readonly Check[];
  setup: readonly string[];
  logRoot: string;
  /** Variables added to the scrubbed environment. */
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  onProcess: (identity: ProcessIdentity) => void;
};

/** Runs the baseline. Throws the signal's reason when aborted. */
export async function runBaseline(input: BaselineInput): Promise<Baseline> {
  const { baseCommit, checks, logRoot } = input;
  const none: Baseline = { commit: baseCommit, runs: {}, setupOk: true, setupDetail: "no setup" };
  if (checks.length === 0) return none;
  return withCleanWorktree(input, baseCommit, async (worktree, confined, reports) => {
    const place = placeRuns(input, { worktree, confined, reports, commit: baseCommit });
    const setup = await runSetup(input.setup, place, logRoot);
    const setupDetail = setup
      ? `\`${setup.check.command}\`: ${setup.run.detail}`
      : none.setupDetail;
    if (setup && !setup.ok) return { ...none, setupOk: false, setupDetail };
    const runs = new Map<string, CheckRun>();
    for (const [index, check] of checks.entries()) {
      runs.set(check.name, await runCheck(check, place, checkLogPath(logRoot, index, check)));
    }
    return { ...none, runs: Object.fromEntries(runs), setupDetail };
  });
}
