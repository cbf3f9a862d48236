import type { Baseline } from "../core/task.ts";
import type { Check, CheckResult, CheckRun, Verdict } from "../core/verdict.ts";
import type { ProcessIdentity } from "../sandbox/process-identity.ts";
import { listChanges } from "../worktree/diff.ts";
import {
  type CleanPlace,
  checkLogPath,
  runSetup,
  type Setup,
  withCleanWorktree,
} from "./clean-worktree.ts";
import { conclude, noChange, nothingChecked } from "./conclude.ts";
import { type InspectedChange, inspectChange } from "./inspect-change.ts";
import { judgeCheck, judgeRun } from "./judge-check.ts";
import { findLostTests } from "./judge-tests.ts";
import { removeFiles, restoreFiles, writeTreeFile } from "./restore-files.ts";
import { type CheckPlace, runCheck } from "./run-checks.ts";
import { tryOriginalTests } from "./try-original-tests.ts";

/**
 * Whether a commit does what its author says, found out without asking the author. In a worktree
 * that nobody worked in, with everything that decides how the checks run put back to the base:
 *
 *   setup → each check (a red one twice) → if existing tests were edited: the checks again, with
 *   the base's versions of those tests
 *
 * The agent's new tests run too, and its edited ones; only its influence on the judge is taken away.
 */
export type VerifyInput = Omit<CleanPlace, "baseCommit"> & {
  /** What checks, protected paths and original tests are taken from, and the baseline refers to. */
  baseCommit: string;
  commit: string;
  /** Where the attempt started, when it has to have changed something since. */
  mustChangeFrom?: string;
  checks: readonly Check[];
  setup: readonly string[];
  protectedPaths: readonly string[];
  allowTestChanges: boolean;
  /** Where what the attempt changed in submodules is kept; null: there was no attempt. */
  submodulesRef: string | null;
  logRoot: string;
  /** Variables beside the scrubbed environment. */
  env: Readonly<Record<string, string>>;
  /** Null: the base was not run, so that a red regression check cannot be judged. */
  baseline: Baseline | null;
  signal: AbortSignal;
  onProcess: (identity: ProcessIdentity) => void;
  /** Called as each check is judged; once more for one that the original tests put in doubt. */
  onCheck: (result: CheckResult) => void | Promise<void>;
};

/** Verify a commit. Throws the signal's reason when aborted, and for lost infrastructure (git, disk). */
export async function verifyCommit(input: VerifyInput): Promise<Verdict> {
  const { mirror, commit, mustChangeFrom } = input;
  if (mustChangeFrom && (await listChanges(mirror, mustChangeFrom, commit)).length === 0) {
    const summary = `${noChange}: the attempt ended without changing a file`;
    return { ...conclude([], [], []), result: "fail", summary };
  }
  const change = await inspectChange(input);
  if (input.checks.length === 0) {
    return conclude([], change.findings, [`There is no check: ${nothingChecked}.`]);
  }
  return withCleanWorktree(input, commit, async (worktree, confined) => {
    const place: CheckPlace = { ...input, worktree, confined };
    await putJudgesBack(input, change, worktree);
    const setup = await runSetup(input.setup, place, input.logRoot);
    if (setup && !setup.ok) return await concludeWithoutSetup(input, change, setup);
    const results: CheckResult[] = [];
    for (const [index, check] of input.checks.entries()) {
      const result = await runAndJudge(input, check, index, place);
      results.push(result);
      await input.onCheck(result);
    }
    const context = { ...change, allowTestChanges: input.allowTestChanges };
    const lost = findLostTests(results, context);
    const original = await tryOriginalTests(input, context, results, place);
    return conclude(original.results, [...change.findings, ...lost, ...original.findings], []);
  });
}

/** Everything that decides how checks run becomes what it is on the base. */
async function putJudgesBack(
  { mirror, baseCommit }: VerifyInput,
  change: InspectedChange,
  worktree: string,
): Promise<void> {
  await removeFiles(worktree, change.remove);
  await restoreFiles(mirror, worktree, baseCommit, change.restore);
  for (const { path, text } of change.rewrite) await writeTreeFile(worktree, path, text);
}

async function runAndJudge(
  input: VerifyInput,
  check: Check,
  index: number,
  place: CheckPlace,
): Promise<CheckResult> {
  const baseline = baselineOf(input, check);
  const run = await runCheck(check, place, checkLogPath(input.logRoot, index, check));
  const isOpen = run.status === "red" && judgeRun(check.kind, run, baseline).result !== "pass";
  const rerun = isOpen
    ? await runCheck(check, place, checkLogPath(input.logRoot, index, check, "-again"))
    : null;
  return judgeCheck(check, run, rerun, baseline);
}

/** Setup that worked on the base and does not here is the change's failure. */
async function concludeWithoutSetup(
  { baseline, checks, onCheck }: VerifyInput,
  { findings }: InspectedChange,
  { check, run }: Setup,
): Promise<Verdict> {
  const worked = baseline?.setupOk === true;
  const broken = worked && run.status === "red";
  const result: CheckResult = {
    ...{ check, run, rerun: null, baseline: null, newlyFailing: [], newlyPassing: [] },
    result: broken ? "fail" : "inconclusive",
    reason: broken
      ? `setup fails (${run.detail}), and worked on the base`
      : `setup does not work: ${run.detail}${baseline && !worked ? `; nor on the base (${baseline.setupDetail})` : ""}`,
  };
  await onCheck(result);
  return conclude(
    [result],
    findings,
    checks.map(({ name }) => `\`${name}\` was not run, because setup failed.`),
  );
}

function baselineOf({ baseline }: VerifyInput, check: Check): CheckRun | null {
  if (!baseline || !Object.hasOwn(baseline.runs, check.name)) return null;
  return baseline.runs[check.name] ?? null;
}
