import { createHash } from "node:crypto";
import { join } from "node:path";
import { invariant } from "../core/invariant.ts";
import type { Claim, Stage } from "../core/outcome.ts";
import type { Baseline, Subtask, Task } from "../core/task.ts";
import type { CheckResult, Verdict } from "../core/verdict.ts";
import type { ProcessIdentity } from "../sandbox/process-identity.ts";
import { getBaseline, saveBaseline } from "../store/baselines.ts";
import type { Db } from "../store/schema.ts";
import { getSubtask, getTask } from "../store/tasks.ts";
import { runBaseline } from "./baseline.ts";
import { mergeChecks } from "./inspect-repository.ts";
import { verifyCommit } from "./verify-attempt.ts";

/**
 * The verify stage, and the same thing as the gate after a merge: the task's checks and the
 * subtask's own, on a commit, judged against the baseline. A baseline is the same for every task
 * that starts from the same commit with the same checks, so it is run once and kept.
 */
export type VerifyDeps = {
  db: Db;
  paths: { checks: string; logs: string };
  environment: () => Record<string, string>;
  trackProcess: (what: string) => (identity: ProcessIdentity) => void;
  report: (claim: Claim, result: CheckResult, phase: Phase) => Promise<void>;
};

export type Phase = "attempt" | "after_merge";

export function makeVerifyStage(deps: VerifyDeps): Stage {
  return async (claim, signal) => {
    invariant(claim.subtaskId, "a verification has a subtask");
    const task = await getTask(deps.db, claim.taskId);
    const subtask = await getSubtask(deps.db, claim.subtaskId);
    invariant(task && subtask?.commit, "what is verified has a commit");
    return {
      kind: "verified",
      verdict: await judge(deps, claim, task, subtask, subtask.commit, "attempt", signal),
    };
  };
}

/** Judge one commit of a subtask. Also the gate that runs after each merge. */
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
  const mirror = { gitDir: preparation.mirror };
  const checks = mergeChecks(
    preparation.checks,
    subtask.checks.map(({ command }) => command),
    "plan",
  );
  const run = {
    mirror,
    repository: task.repository,
    baseCommit: preparation.baseCommit,
    checks,
    setup: preparation.setup,
    workRoot: deps.paths.checks,
    env: deps.environment(),
    signal,
    onProcess: deps.trackProcess(`checks of ${subtask.id}`),
  };
  const logRoot = join(deps.paths.logs, task.id);
  const baseline = await findBaseline(deps, task, { ...run, logRoot: join(logRoot, "baseline") });
  return verifyCommit({
    ...run,
    commit,
    protectedPaths: preparation.protectedPaths,
    allowTestChanges: task.allowTestChanges,
    baseline,
    logRoot: join(logRoot, `${subtask.key}-${claim.attemptId ?? "gate"}-${phase}`),
    onCheck: (result) => deps.report(claim, result, phase),
  });
}

async function findBaseline(
  deps: VerifyDeps,
  task: Task,
  run: Parameters<typeof runBaseline>[0],
): Promise<Baseline> {
  const commands = run.checks.map(({ command, report, timeoutMs }) => [command, report, timeoutMs]);
  const key = createHash("sha256")
    .update(JSON.stringify([task.repository, run.baseCommit, run.setup, commands]))
    .digest("hex");
  const known = await getBaseline(deps.db, key);
  if (known) return known;
  const baseline = await runBaseline(run);
  // What a bad moment of the machine or the network left open is looked at again the next time.
  const isWhole = Object.values(baseline.runs).every(({ status }) => status !== "inconclusive");
  if (baseline.setupOk && isWhole) await saveBaseline(deps.db, key, baseline);
  return baseline;
}

const reviewVerdict: Verdict = {
  result: "pass",
  summary: "a review changes nothing, so there is nothing to check",
  checks: [],
  findings: [],
  notChecked: ["What the review says was not checked by anyone."],
};
