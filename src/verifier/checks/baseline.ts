import type { Check, CheckRun } from "../../core/proof/verdict.ts";
import type { Baseline } from "../../core/task/task.ts";
import type { Given } from "../../worktree/prepared/prepared-trees.ts";
import { placeRuns } from "../experiments/trials.ts";
import { checkLogPath, withCleanWorktree } from "../place/clean-worktree.ts";
import { type SetupInput, setUp } from "../place/set-up.ts";
import { runCheck } from "./run-checks.ts";

/**
 * Runs the same checks on the base commit, once per task. A check that was red before the work
 * began is not the work's fault, and the tests that ran then must still run.
 */
export type BaselineInput = SetupInput & { checks: readonly Check[] };

/**
 * Runs the baseline. What is red with the copy of a setup is run once more after a setup of its own,
 * which counts. Throws the signal's reason when aborted.
 */
export async function runBaseline(input: BaselineInput): Promise<Baseline> {
  const { baseline, reused } = await runOnce(input);
  const { prepared, ...alone } = input;
  const isRed = Object.values(baseline.runs).some(({ status }) => status === "red");
  if (!isRed || reused === null || !prepared) return baseline;
  const { baseline: fresh } = await runOnce(alone);
  const isOther = Object.entries(fresh.runs).some(
    ([name, { status }]) => status !== baseline.runs[name]?.status,
  );
  if (isOther) await prepared.drop(reused.id);
  return fresh;
}

async function runOnce(
  input: BaselineInput,
): Promise<{ baseline: Baseline; reused: Given | null }> {
  const { baseCommit, checks, logRoot } = input;
  const none: Baseline = { commit: baseCommit, runs: {}, setupOk: true, setupDetail: "no setup" };
  if (checks.length === 0) return { baseline: none, reused: null };
  return withCleanWorktree(input, baseCommit, async (clean) => {
    const place = placeRuns(input, { ...clean, commit: baseCommit });
    const setup = await setUp(input, place, checks);
    const setupDetail = setup
      ? `\`${setup.check.command}\`: ${setup.run.detail}`
      : none.setupDetail;
    const reused = setup?.reused ?? null;
    if (setup && !setup.ok) return { baseline: { ...none, setupOk: false, setupDetail }, reused };
    const runs = new Map<string, CheckRun>();
    for (const [index, check] of checks.entries()) {
      runs.set(check.name, await runCheck(check, place, checkLogPath(logRoot, index, check)));
    }
    return { baseline: { ...none, runs: Object.fromEntries(runs), setupDetail }, reused };
  });
}
