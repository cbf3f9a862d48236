import { join } from "node:path";
import { invariant } from "../../core/base/invariant.ts";
import { mergeRefused, type Refused } from "../../core/proof/confinement.ts";
import { resolveProof } from "../../core/proof/proof.ts";
import { acceptanceCheck, type Check, type Verdict } from "../../core/proof/verdict.ts";
import type { Assurance } from "../../core/review/review.ts";
import type { Claim, Outcome, Stage } from "../../core/task/outcome.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { getSubtask, getTask, listAttempts } from "../../store/tasks/tasks.ts";
import { submoduleRefOf } from "../../worktree/content/keep-submodules.ts";
import { pinRef } from "../../worktree/mirror/mirror.ts";
import { acceptJudges } from "../experiments/accept-judges.ts";
import { collectRefused } from "../place/confine-checks.ts";
import { carryProof } from "../review/conclude-review.ts";
import { HeldUp } from "../review/held-up.ts";
import { assuranceOf, reviewChange } from "../review/review-change.ts";
import type { ReviewDeps } from "../review/review-round.ts";
import { concludeUnchanged } from "./conclude.ts";
import { findKnownVerdict } from "./known-verdict.ts";
import {
  checksOf,
  findBaseline,
  flakiness,
  leaveOut,
  mirrorOf,
  type Phase,
  placeOf,
  type VerifyDeps,
} from "./task-place.ts";
import { verifyCommit } from "./verify-attempt.ts";

/**
 * The verify stage and the gate after a merge: both run the task's and the subtask's checks on a
 * commit and judge them against the baseline (task-place.ts). Green work is then reviewed where the
 * task asks for it; the gate does not review it again.
 */
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
      const known = isUnchanged ? null : await findKnownVerdict(deps, claim, task, subtask, commit);
      if (known) await tellKnown(deps, claim, known);
      const judged =
        known ?? (await limit(() => judge(deps, claim, task, subtask, commit, "attempt", signal)));
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

async function tellKnown({ tell }: VerifyDeps, claim: Claim, { result, sameTree }: Verdict) {
  invariant(sameTree, "a known verdict says whose tree it is");
  const { attempt, judgedAt } = sameTree;
  const message = `The tree is that of attempt ${attempt}, which was checked at ${judgedAt.slice(0, 16).replace("T", " ")} UTC (${result}): nothing is run again`;
  await tell(claim, message, { step: "same_tree", attempt, judged_at: judgedAt, result });
}

/** An attempt that says it had nothing to do; after a merge one may answer a comment in words. */
function isWithoutChange({ baseCommit, integratedCommit }: Subtask, commit: string): boolean {
  return commit === baseCommit && integratedCommit === null;
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
  // Services are for checks.
  const preparation = task.preparation && { ...task.preparation, services: [] };
  const about = { checks, commit, name: "hook" };
  const verdict = await judgeTree(deps, claim, { ...task, preparation }, about, signal);
  const own = verdict.checks.find(({ check }) => check.command === command);
  return own?.run.outputTail ?? null;
}

function withRefused(verdict: Verdict, more: readonly Refused[]): Verdict {
  const refused = mergeRefused([...(verdict.refused ?? []), ...more]);
  return refused.length === 0 ? verdict : { ...verdict, refused };
}

const reviewVerdict: Verdict = {
  result: "pass",
  summary: "a review changes nothing, so there is nothing to check",
  checks: [],
  findings: [],
  notChecked: ["What the review says was not checked by anyone."],
};
