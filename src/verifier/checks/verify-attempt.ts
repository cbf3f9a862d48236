import { invariant } from "../../core/base/invariant.ts";
import type { ProofLevel } from "../../core/proof/proof.ts";
import type {
  Check,
  CheckResult,
  CheckRun,
  Experiment,
  Finding,
  JudgeChange,
  SetupAccount,
  Verdict,
} from "../../core/proof/verdict.ts";
import type { Baseline } from "../../core/task/task.ts";
import { listChanges } from "../../worktree/read/diff.ts";
import { findSubmoduleChanges } from "../change/submodule-changes.ts";
import { findUnfiltered } from "../change/unfiltered-content.ts";
import { testsOnBase } from "../experiments/judge-canaries.ts";
import { proveChange } from "../experiments/prove-change.ts";
import { areApart, makeTrials, placeRuns, type TrialInput } from "../experiments/trials.ts";
import { tryCanaries } from "../experiments/try-canaries.ts";
import { checkLogPath, type Setup, withCleanWorktree } from "../place/clean-worktree.ts";
import { setUp } from "../place/set-up.ts";
import { findSides } from "../sides/find-sides.ts";
import type { SidedFile, Sides } from "../sides/sides.ts";
import { type Rename, renamesOf } from "../tests/rename-tests.ts";
import { listRewrittenTests } from "../tests/rewritten-tests.ts";
import { conclude, nothingChecked } from "./conclude.ts";
import { judgeWithRepetition, type Repetition } from "./flaky.ts";
import { makeRepeatOnBase } from "./repeat-on-base.ts";
import { type CheckPlace, runCheck } from "./run-checks.ts";

/**
 * Finds out whether a commit does what its author says, without asking the author. A check is a
 * measuring instrument that the change may have touched, so it is measured too:
 *
 *   reading      the change as it is, each check (a red one twice)
 *   canary       at the same time: the change with tests that must fail. Does the check notice?
 *   old judges   the change with its tests, fixtures, configuration as on the base
 *   old source   the base with the tests of the change: do new tests fail there?
 *   causes       which files of the change turned a red check green
 *
 * Each runs in a clean worktree, in the box. The verdict records the results. Whether a changed
 * judge is accepted is for the goal, the plan or a person to say (accept-judges.ts).
 */
export type VerifyInput = TrialInput & {
  commit: string;
  /** The commit where the change's author started, to compare with; left out: `baseCommit`. */
  changedFrom?: string;
  checks: readonly Check[];
  protectedPaths: readonly string[];
  /** Paths that the plan writes: they are the task's subject, even where a check runs them. */
  products?: readonly string[];
  /** How much is tried besides the reading; null: nothing, after a merge of proved work. */
  proof: ProofLevel | null;
  /** Keeps the attempt's changes in submodules; null when there was no attempt. */
  submodulesRef: string | null;
  /** Null when the base was not run: then a red regression check cannot be judged. */
  baseline: Baseline | null;
  /** Finds who accepts each changed judge; left out: none is accepted. */
  acceptJudges?: (judges: readonly JudgeChange[]) => Promise<JudgeChange[]>;
  /** Tests of a check known to flip without any change, by the base's names; left out: none. */
  flakyTests?: (check: Check) => Promise<ReadonlySet<string>>;
  /** Called with tests that flipped on the base. */
  onFlaky?: (check: Check, tests: readonly string[]) => Promise<void>;
  /** Called as each check is judged, and again for one that an experiment puts in doubt. */
  onCheck: (result: CheckResult) => void | Promise<void>;
  onExperiment?: (experiment: Experiment) => void | Promise<void>;
};

/** Verifies a commit. Throws the signal's reason when aborted, and when git or the disk fails. */
export async function verifyCommit(input: VerifyInput): Promise<Verdict> {
  const { checks, commit, mirror, proof } = input;
  const findings = await findUnfit(input);
  if (checks.length === 0) return conclude([], findings, [`There is no check: ${nothingChecked}.`]);
  const change = await findChangeSides(input);
  const sides = proof === null ? null : change;
  const trials = makeTrials(input, checks);
  const { baseCommit } = input;
  const place = { baseCommit, mirror, trials, checks, onBase: testsOnBase(input) };
  const changedTests = sides?.files.filter(isTest).map(({ path }) => path) ?? [];
  const [read, canaries] = await together(
    areApart(input),
    () => readChange(input, renamesOf(change.files)),
    async () =>
      sides ? await tryCanaries({ ...place, changedTests }, commit, "canary") : new Map(),
  );
  if (read.setup) return concludeWithoutSetup(input, findings, read.setup);
  if (read.spoiled !== null) {
    await input.prepared?.drop(read.spoiled);
    return verifyAlone(input);
  }
  const verdict =
    !sides || proof === null
      ? conclude(read.results, findings, [])
      : await proveChange(
          { ...input, proof },
          { sides, findings, trials, canaries, results: read.results, rewritten: read.rewritten },
        );
  // What experiments with copies say against a green change has to be seen without them, too.
  const isRefuted =
    verdict.result === "fail" && verdict.experiments?.some(({ result }) => result === "refuted");
  if (isRefuted && read.account?.copied && read.results.every(isGreen)) return verifyAlone(input);
  const account = read.account && { setup: read.account };
  if (read.repetitions.length === 0) return { ...verdict, ...account };
  const experiments = [...read.repetitions, ...(verdict.experiments ?? [])];
  return { ...verdict, ...account, experiments };
}

/** Once more, with setups of its own alone. */
async function verifyAlone({ prepared: _, ...input }: VerifyInput): Promise<Verdict> {
  const verdict = await verifyCommit(input);
  return verdict.setup ? { ...verdict, setup: { ...verdict.setup, isAgain: true } } : verdict;
}

function isGreen({ result }: CheckResult): boolean {
  return result === "pass";
}

type Read = {
  results: CheckResult[];
  repetitions: Experiment[];
  setup: Setup | null;
  account: SetupAccount | null;
  /** The copy of a setup with which a check is red that is green without it. */
  spoiled: string | null;
  /** Test files that the run overwrote. */
  rewritten: string[];
};

/** Reads the change as it is: setup, then each check, a red one twice. */
async function readChange(input: VerifyInput, renames: readonly Rename[]): Promise<Read> {
  return withCleanWorktree(input, input.commit, async (clean) => {
    const place = placeRuns(input, { ...clean, commit: input.commit });
    const none = { results: [], repetitions: [], setup: null, rewritten: [], spoiled: null };
    const from = performance.now();
    const setup = await setUp(input, place, input.checks);
    const account = setup && describeSetUp(setup, performance.now() - from);
    const read: Read = { ...none, account };
    if (setup && !setup.ok) return { ...read, account: null, setup };
    for (const [index, check] of input.checks.entries()) {
      const { experiment, flipped, result } = await runAndJudge(input, index, place, renames);
      const isRed = result.result === "fail" && result.run.status === "red";
      if (isRed && setup?.reused && (await isGreenAlone(input, index, result)))
        return { ...read, spoiled: setup.reused.id };
      if (flipped.length > 0) await input.onFlaky?.(check, flipped);
      if (experiment) await input.onExperiment?.(experiment);
      if (experiment) read.repetitions.push(experiment);
      read.results.push(result);
      await input.onCheck(result);
    }
    return {
      ...read,
      rewritten: await listRewrittenTests(input.mirror, clean.worktree, input.commit),
    };
  });
}

function describeSetUp({ reused }: Setup, durationMs: number): SetupAccount {
  const { isWhole = false, madeAt, setupMs = 0 } = reused ?? {};
  return {
    durationMs: Math.round(durationMs),
    copied: madeAt ? { madeAt: madeAt.toISOString(), setupMs, isWhole } : null,
  };
}

async function runAndJudge(
  input: VerifyInput,
  index: number,
  place: CheckPlace,
  renames: readonly Rename[],
): Promise<Repetition> {
  const check = input.checks[index];
  invariant(check, "there is a check of this number");
  const known = baselineOf(input, check);
  const quarantined = (await input.flakyTests?.(check)) ?? new Set<string>();
  const run = await runCheck(check, place, checkLogPath(input.logRoot, index, check));
  const repeatOnBase = makeRepeatOnBase(input, check, index);
  // Whether it is the change or the machine that a service does not run with is seen on the base, now.
  const isAsked = run.failedService !== undefined && known?.status !== "inconclusive";
  const baseline = isAsked ? await repeatOnBase() : known;
  const about = {
    ...{ check, run, baseline, renames, quarantined, baseTree: input.baseCommit, repeatOnBase },
  };
  const once = await judgeWithRepetition({ ...about, rerun: null });
  if (run.status !== "red" || once.result.result === "pass") return once;
  const rerun = await runCheck(check, place, checkLogPath(input.logRoot, index, check, "-again"));
  return judgeWithRepetition({ ...about, rerun });
}

/** Whether a check that is red with the copy of a setup is green after a setup of its own. */
async function isGreenAlone(
  { prepared: _, ...input }: VerifyInput,
  index: number,
  { check }: CheckResult,
): Promise<boolean> {
  return withCleanWorktree(input, input.commit, async (clean) => {
    const place = placeRuns(input, { ...clean, commit: input.commit });
    const setup = await setUp(input, place, input.checks, "-alone");
    if (setup && !setup.ok) return false;
    const log = checkLogPath(input.logRoot, index, check, "-alone");
    return (await runCheck(check, place, log)).status === "green";
  });
}

function findChangeSides(input: VerifyInput): Promise<Sides> {
  const { baseline, changedFrom = input.baseCommit, checks, products = [] } = input;
  const reported = Object.values(baseline?.runs ?? {}).flatMap(({ tests }) => tests?.files ?? []);
  return findSides({
    ...input,
    products,
    baseCommit: changedFrom,
    checks: checks.map(({ command }) => command),
    testFiles: [...new Set(reported)],
  });
}

function isTest({ kind, side, status }: SidedFile): boolean {
  return kind === "test" && side !== "source" && status !== "deleted";
}

/** Finds what no run can tell: content that did not go through its filter, and submodules. */
async function findUnfit(input: VerifyInput): Promise<Finding[]> {
  const { baseCommit, commit, mirror, submodulesRef } = input;
  const changes = await listChanges(mirror, baseCommit, commit);
  return [
    ...(await findUnfiltered(mirror, baseCommit, commit, changes)),
    ...(await findSubmoduleChanges(mirror, baseCommit, commit, submodulesRef)),
  ];
}

/** Runs both at once where they cannot collide, and waits for both: each uses a worktree. */
async function together<A, B>(
  atOnce: boolean,
  left: () => Promise<A>,
  right: () => Promise<B>,
): Promise<[A, B]> {
  if (!atOnce) return [await left(), await right()];
  const [first, second] = await Promise.allSettled([left(), right()]);
  if (first.status === "rejected") throw first.reason;
  if (second.status === "rejected") throw second.reason;
  return [first.value, second.value];
}

/** A setup that worked on the base and fails here is the change's failure. */
async function concludeWithoutSetup(
  { baseline, checks, onCheck }: VerifyInput,
  findings: Finding[],
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
