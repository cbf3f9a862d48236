import { createHash } from "node:crypto";
import { join } from "node:path";
import type { LimitFunction } from "p-limit";
import { invariant } from "../../core/base/invariant.ts";
import { mergeRefused, type Refused } from "../../core/proof/confinement.ts";
import { type ProofLevel, resolveProof } from "../../core/proof/proof.ts";
import {
  acceptanceCheck,
  type Check,
  type CheckResult,
  type Experiment,
  type Verdict,
} from "../../core/proof/verdict.ts";
import type { Assurance } from "../../core/review/review.ts";
import type { WantedTools } from "../../core/settings/wanted-tool.ts";
import type { Claim, Outcome, Stage } from "../../core/task/outcome.ts";
import type { Baseline, Subtask, Task } from "../../core/task/task.ts";
import type { ProcessIdentity } from "../../sandbox/process/process-identity.ts";
import { waitOut } from "../../store/database/outage.ts";
import type { Db } from "../../store/database/schema.ts";
import { getBaseline, saveBaseline } from "../../store/records/baselines.ts";
import { listFlakyTests, recordFlips } from "../../store/records/flaky-tests.ts";
import { getSubtask, getTask, listAttempts } from "../../store/tasks/tasks.ts";
import { recomposeCommit } from "../../worktree/commits/compose-commit.ts";
import { submoduleRefOf } from "../../worktree/content/keep-submodules.ts";
import { type Mirrors, pinRef } from "../../worktree/mirror/mirror.ts";
import type { Given, PreparedTrees } from "../../worktree/prepared/prepared-trees.ts";
import { acceptJudges } from "../experiments/accept-judges.ts";
import { type CheckSandbox, collectRefused } from "../place/confine-checks.ts";
import { givePrepared, type SetupPlace } from "../place/set-up.ts";
import { carryProof } from "../review/conclude-review.ts";
import { HeldUp } from "../review/held-up.ts";
import { assuranceOf, reviewChange } from "../review/review-change.ts";
import type { ReviewDeps } from "../review/review-round.ts";
import { runBaseline } from "./baseline.ts";
import { concludeUnchanged } from "./conclude.ts";
import { mergeChecks } from "./inspect-repository.ts";
import type { TryPlace } from "./try-commands.ts";
import { verifyCommit } from "./verify-attempt.ts";

/**
 * The verify stage and the gate after a merge: both run the task's and the subtask's checks on a
 * commit and judge them against the baseline. Tasks with the same base commit and checks share one
 * baseline, so it runs once and is kept. Green work is then reviewed where the task asks for it;
 * the gate does not review it again.
 */
export type VerifyDeps = {
  db: Db;
  mirrors: Mirrors;
  paths: { checks: string; logs: string };
  environment: (tools: WantedTools | undefined) => Record<string, string>;
  trackChild: (what: string) => (identity: ProcessIdentity) => void;
  /** The sandbox of a task's setup and checks; left out: they run as the daemon's user. */
  sandbox?: (claim: Claim, task: Task) => CheckSandbox;
  report: (claim: Claim, result: CheckResult, phase: Phase) => Promise<void>;
  reportExperiment: (claim: Claim, experiment: Experiment) => Promise<void>;
  /** What setup made, kept for the next worktree; left out: it runs in each. */
  prepared?: PreparedTrees;
  /** So many commits are checked at once in this process; reviews wait for models and do not count. */
  limitChecks: LimitFunction;
  /** From the configuration; left out when it names none. */
  proof?: ProofLevel | null;
  /** The reviewers of a green change; left out: none. */
  review?: ReviewDeps;
  /**
   * After a red verdict: what follows if the attempt is not at fault, but what it started from; null:
   * it is at fault.
   */
  blame?: (
    claim: Claim,
    task: Task,
    subtask: Subtask,
    red: Verdict,
    signal: AbortSignal,
  ) => Promise<Outcome | null>;
};

export type Phase = "attempt" | "after_merge" | "whole";

export function makeVerifyStage(deps: VerifyDeps): Stage {
  const limit = deps.limitChecks;
  return async (claim, signal) => {
    invariant(claim.subtaskId, "a verification has a subtask");
    const task = await getTask(deps.db, claim.taskId);
    const subtask = await getSubtask(deps.db, claim.subtaskId);
    invariant(task && subtask?.commit, "what is verified has a commit");
    const commit = await leaveOut(deps, task, subtask, subtask.commit);
    // Pinned because it may wait for a person, and is what is merged.
    if (commit !== subtask.commit)
      await pinRef(mirrorOf(deps, task), `without/${subtask.id}`, commit);
    const verified = (verdict: Verdict): Outcome => ({
      kind: "verified",
      verdict,
      ...(commit !== subtask.commit && { commit }),
    });
    try {
      const isUnchanged = task.expectsChange && isWithoutChange(subtask, commit);
      const judged = await limit(() =>
        judge(deps, claim, task, subtask, commit, "attempt", signal),
      );
      const verdict = isUnchanged ? concludeUnchanged(judged) : judged;
      const isRed = verdict.result === "fail" && task.expectsChange;
      const blamed = isRed
        ? await limit(async () => deps.blame?.(claim, task, subtask, verdict, signal))
        : null;
      if (blamed) return blamed;
      if (verdict.result !== "pass" || !task.expectsChange || isUnchanged || !deps.review)
        return verified(verdict);
      const assurance = assuranceOf(deps.review, task, subtask);
      if (assurance === "quick") return verified(verdict);
      const about = { task, subtask: { ...subtask, commit }, verdict, assurance, signal };
      return verified(await review(deps, deps.review, claim, about));
    } catch (error) {
      if (error instanceof HeldUp) return error.outcome;
      throw error;
    }
  };
}

/** An attempt that says it had nothing to do; after a merge one may answer a comment in words. */
function isWithoutChange({ baseCommit, integratedCommit }: Subtask, commit: string): boolean {
  return commit === baseCommit && integratedCommit === null;
}

/** Returns this commit of a subtask, without the files that a person wants left out. */
export async function leaveOut(
  deps: Pick<VerifyDeps, "mirrors">,
  task: Task,
  { baseCommit, withoutPaths }: Pick<Subtask, "baseCommit" | "withoutPaths">,
  commit: string,
): Promise<string> {
  if (withoutPaths.length === 0) return commit;
  invariant(baseCommit, "what was attempted has a base");
  const files = new Map(withoutPaths.map(({ path }) => [path, { like: baseCommit }]));
  return recomposeCommit(mirrorOf(deps, task), { commit, parent: baseCommit }, files);
}

function mirrorOf({ mirrors }: Pick<VerifyDeps, "mirrors">, { preparation }: Task) {
  invariant(preparation, "a task that is verified was prepared");
  return mirrors.at(preparation.mirror);
}

async function review(
  deps: VerifyDeps,
  reviewing: ReviewDeps,
  claim: Claim,
  {
    assurance,
    signal,
    subtask,
    task,
    verdict,
  }: {
    task: Task;
    subtask: Subtask;
    verdict: Verdict;
    assurance: Assurance;
    signal: AbortSignal;
  },
): Promise<Verdict> {
  const attempts = await listAttempts(deps.db, { subtaskId: subtask.id });
  const attempt = attempts.find(({ id }) => id === claim.attemptId);
  invariant(attempt && subtask.commit && task.preparation, "what is reviewed was attempted");
  const logs = join(deps.paths.logs, task.id);
  const place = placeOf(deps, claim, task, signal);
  const { refused, sandbox } = collectRefused(place.sandbox);
  const evidence = {
    ...place,
    ...(sandbox && { sandbox }),
    commit: subtask.commit,
    changedFrom: subtask.baseCommit ?? attempt.baseCommit,
    onProcess: deps.trackChild(`review of ${subtask.id}`),
    logRoot: join(logs, `${subtask.key}-${attempt.id}-review`),
  };
  const input = { db: deps.db, claim, task, subtask, attempts, attempt, verdict, evidence };
  return withRefused(await reviewChange(reviewing, input, assurance), refused);
}

/** The place of the commands that judge a task's commit. */
export function placeOf(deps: VerifyDeps, claim: Claim, task: Task, signal: AbortSignal) {
  const { preparation } = task;
  invariant(preparation, "a task that is verified was prepared");
  return {
    mirror: mirrorOf(deps, task),
    repository: task.repository,
    baseCommit: preparation.baseCommit,
    setup: preparation.setup,
    workRoot: deps.paths.checks,
    env: deps.environment(preparation.tools),
    ...(deps.prepared && !task.fresh && { prepared: deps.prepared }),
    ...(deps.sandbox && { sandbox: deps.sandbox(claim, task) }),
    signal,
  };
}

/** Copies what setup makes into the fresh worktree of an attempt; null: setup has to run there. */
export async function giveSetup(
  deps: VerifyDeps,
  { claim, signal, task }: { claim: Claim; task: Task; signal: AbortSignal },
  place: SetupPlace,
): Promise<Given | null> {
  const run = placeOf(deps, claim, task, signal);
  const onProcess = deps.trackChild(`setup of ${task.id}`);
  const logRoot = join(deps.paths.logs, task.id);
  return (await givePrepared({ ...run, onProcess, logRoot }, place)).given;
}

/** Where a planner of this task tries commands, on this commit. */
export function triesOf(
  deps: VerifyDeps,
  claim: Claim,
  task: Task,
  commit: string,
  signal: AbortSignal,
): TryPlace {
  const about = claim.attemptId ?? "plan";
  return {
    ...{ ...placeOf(deps, claim, task, signal), commit },
    logRoot: join(deps.paths.logs, task.id, `${about}-tries`),
    onProcess: deps.trackChild(`what the planner of ${task.id} tries`),
  };
}

/** The task's checks and the subtask's own, each once. */
export function checksOf({ preparation }: Task, subtask: Pick<Subtask, "checks">): Check[] {
  const own = subtask.checks.map(({ command }) => command);
  return mergeChecks(preparation?.checks ?? [], own, "plan");
}

/** Judges one commit of a subtask. Also the gate after each merge. */
export async function judge(
  deps: VerifyDeps,
  claim: Claim,
  task: Task,
  subtask: Subtask,
  commit: string,
  phase: Phase,
  signal: AbortSignal,
): Promise<Verdict> {
  const { preparation } = task;
  invariant(preparation, "a task that is verified was prepared");
  if (!task.expectsChange) return reviewVerdict;
  const checks = checksOf(task, subtask);
  const run = {
    ...placeOf(deps, claim, task, signal),
    checks,
    onProcess: deps.trackChild(`checks of ${subtask.id}`),
  };
  const logRoot = join(deps.paths.logs, task.id);
  const baseline = await findBaseline(deps, task, { ...run, logRoot: join(logRoot, "baseline") });
  const { refused, sandbox } = collectRefused(run.sandbox);
  const verdict = await verifyCommit({
    ...run,
    ...(sandbox && { sandbox }),
    commit,
    ...(subtask.baseCommit && { changedFrom: subtask.baseCommit }),
    protectedPaths: preparation.protectedPaths,
    products: subtask.writes,
    // Merged work was proved before, and the merge made nothing new; without a change there is nothing to prove.
    proof:
      phase === "attempt" && !isWithoutChange(subtask, commit)
        ? resolveProof(task.proof, preparation.proof ?? null, deps.proof ?? null)
        : null,
    submodulesRef: phase === "attempt" && claim.attemptId ? submoduleRefOf(claim.attemptId) : null,
    baseline,
    logRoot: join(logRoot, `${subtask.key}-${claim.attemptId ?? "gate"}-${phase}`),
    acceptJudges: (judges) =>
      acceptJudges(judges, {
        ...{ db: deps.db, review: deps.review, claim, task, subtask, commit },
        place: {
          ...{ ...run, baseCommit: subtask.baseCommit ?? preparation.baseCommit },
          logRoot: join(logRoot, `${subtask.key}-${claim.attemptId ?? "gate"}-judges`),
        },
      }),
    ...flakiness(deps, task),
    onCheck: (result) => deps.report(claim, result, phase),
    onExperiment: (experiment) => deps.reportExperiment(claim, experiment),
  });
  const told = withRefused(verdict, refused);
  return phase === "after_merge" ? carryProof(told, subtask.verdict) : told;
}

/**
 * Judges a commit of a whole task by these checks alone, without experiments: the final gate, and the
 * probes that look for what turned it red. `name` goes into the paths of logs.
 */
export async function judgeTree(
  deps: VerifyDeps,
  claim: Claim,
  task: Task,
  { checks, commit, name }: { commit: string; checks: readonly Check[]; name: string },
  signal: AbortSignal,
): Promise<Verdict> {
  const run = {
    ...placeOf(deps, claim, task, signal),
    checks,
    onProcess: deps.trackChild(`checks of ${task.id}`),
  };
  const logRoot = join(deps.paths.logs, task.id);
  const isCompared = checks.some(({ kind }) => kind === "regression");
  const baseline = isCompared
    ? await findBaseline(deps, task, { ...run, logRoot: join(logRoot, "baseline") })
    : null;
  const { refused, sandbox } = collectRefused(run.sandbox);
  const verdict = await verifyCommit({
    ...run,
    ...(sandbox && { sandbox }),
    ...{ commit, baseline, protectedPaths: [], proof: null, submodulesRef: null },
    logRoot: join(logRoot, `${name}-${commit.slice(0, 10)}`),
    ...flakiness(deps, task),
    onCheck: (result) => deps.report(claim, result, "whole"),
  });
  return withRefused(verdict, refused);
}

/**
 * What a command of the repository's says in a clean worktree of this commit, in the box of checks;
 * null where it did not get to run, as after a setup that failed.
 */
export async function runHook(
  deps: VerifyDeps,
  { claim, signal, task }: { claim: Claim; task: Task; signal: AbortSignal },
  { command, commit }: { command: string; commit: string },
): Promise<string | null> {
  const checks = [acceptanceCheck(command, "plan")];
  const verdict = await judgeTree(deps, claim, task, { checks, commit, name: "hook" }, signal);
  const own = verdict.checks.find(({ check }) => check.command === command);
  return own?.run.outputTail ?? null;
}

/** Where flips of tests are known from, and kept. */
export function flakiness({ db }: VerifyDeps, { repository }: Task) {
  return {
    flakyTests: async ({ command }: Check) => {
      const rows = await listFlakyTests(db, { repository, command });
      return new Set(rows.map(({ test }) => test));
    },
    onFlaky: ({ command }: Check, tests: readonly string[]) =>
      recordFlips(db, { repository, command }, tests),
  };
}

function withRefused(verdict: Verdict, more: readonly Refused[]): Verdict {
  const refused = mergeRefused([...(verdict.refused ?? []), ...more]);
  return refused.length === 0 ? verdict : { ...verdict, refused };
}

export async function findBaseline(
  deps: VerifyDeps,
  task: Task,
  run: Parameters<typeof runBaseline>[0],
): Promise<Baseline> {
  // Raised when runs are read in another way, so that older cached baselines are not used.
  const reading = 2;
  const commands = run.checks.map(({ command, report, timeoutMs }) => [command, report, timeoutMs]);
  // The sandbox's limits affect how a command ends.
  const place: unknown[] = [...(run.sandbox?.traits ?? [])];
  // A version that was installed since answers otherwise than the one that ran in its place.
  if (task.preparation?.tools?.versions.length) place.push(run.env.PATH, run.env.RUSTUP_TOOLCHAIN);
  // A fresh task has a baseline of its own.
  if (task.fresh) place.push(task.id);
  const key = createHash("sha256")
    .update(
      JSON.stringify([reading, task.repository, run.baseCommit, run.setup, commands, ...place]),
    )
    .digest("hex");
  const known = await getBaseline(deps.db, key);
  if (known) return known;
  const baseline = await runBaseline(run);
  // A run left open by a temporary fault of the machine or the network is repeated next time.
  const isWhole = Object.values(baseline.runs).every(({ status }) => status !== "inconclusive");
  if (baseline.setupOk && isWhole) await waitOut(() => saveBaseline(deps.db, key, baseline));
  return baseline;
}

const reviewVerdict: Verdict = {
  result: "pass",
  summary: "a review changes nothing, so there is nothing to check",
  checks: [],
  findings: [],
  notChecked: ["What the review says was not checked by anyone."],
};
