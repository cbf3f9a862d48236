import { createHash } from "node:crypto";
import { join } from "node:path";
import type { LimitFunction } from "p-limit";
import { invariant } from "../../core/base/invariant.ts";
import type { ProofLevel } from "../../core/proof/proof.ts";
import type { Check, CheckResult, Experiment, Verdict } from "../../core/proof/verdict.ts";
import { sparseOf } from "../../core/settings/sparse.ts";
import type { WantedTools } from "../../core/settings/wanted-tool.ts";
import type { Claim, Outcome } from "../../core/task/outcome.ts";
import type { Baseline, Subtask, Task } from "../../core/task/task.ts";
import type { ProcessIdentity } from "../../sandbox/process/process-identity.ts";
import { waitOut } from "../../store/database/outage.ts";
import type { Db } from "../../store/database/schema.ts";
import { getBaseline, saveBaseline } from "../../store/records/baselines.ts";
import { listFlakyTests, recordFlips } from "../../store/records/flaky-tests.ts";
import { recomposeCommit } from "../../worktree/commits/compose-commit.ts";
import type { Mirrors } from "../../worktree/mirror/mirror.ts";
import type { Given, PreparedTrees } from "../../worktree/prepared/prepared-trees.ts";
import type { CheckSandbox } from "../place/confine-checks.ts";
import { givePrepared, type SetupPlace } from "../place/set-up.ts";
import { describeKept } from "../place/warm-up.ts";
import type { ReviewDeps } from "../review/review-round.ts";
import { runBaseline } from "./baseline.ts";
import { mergeChecks } from "./inspect-repository.ts";
import type { TryPlace } from "./try-commands.ts";

/**
 * What the judging of a task's commits shares: where its commands run, which checks they are, and the
 * results on the base that they are compared with. Tasks with the same base commit and checks share one
 * baseline, so it runs once and is kept.
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
  /** A step of the verification, in words. */
  tell: (claim: Claim, message: string, data: Record<string, unknown>) => Promise<void>;
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

export function mirrorOf({ mirrors }: Pick<VerifyDeps, "mirrors">, { preparation }: Task) {
  invariant(preparation, "a task that is verified was prepared");
  return mirrors.at(preparation.mirror);
}

/** The place of the commands that judge a task's commit. */
export function placeOf(deps: VerifyDeps, claim: Claim, task: Task, signal: AbortSignal) {
  const { preparation } = task;
  invariant(preparation, "a task that is verified was prepared");
  return {
    mirror: mirrorOf(deps, task),
    repository: task.repository,
    baseCommit: preparation.baseCommit,
    sparse: sparseOf(preparation),
    setup: preparation.setup,
    services: preparation.services ?? [],
    workRoot: deps.paths.checks,
    env: deps.environment(preparation.tools),
    ...(deps.prepared && !task.fresh && { prepared: deps.prepared }),
    ...(deps.sandbox && { sandbox: deps.sandbox(claim, task) }),
    signal,
  };
}

/**
 * Copies what setup makes into the fresh worktree of an attempt. `given` null: setup has to run there;
 * `failed`: it was tried on this very commit just now, and why it does not work.
 */
export async function giveSetup(
  deps: VerifyDeps,
  { claim, signal, task }: { claim: Claim; task: Task; signal: AbortSignal },
  place: SetupPlace,
): Promise<{ given: Given | null; failed: { detail: string; output: string } | null }> {
  const run = placeOf(deps, claim, task, signal);
  const onProcess = deps.trackChild(`setup of ${task.id}`);
  const logRoot = join(deps.paths.logs, task.id);
  const { failed, given } = await givePrepared({ ...run, onProcess, logRoot }, place);
  if (failed === null || failed.run.status !== "red") return { given, failed: null };
  const detail = `setup \`${failed.check.command}\` failed: ${failed.run.detail}`;
  return { given, failed: { detail, output: failed.run.outputTail } };
}

/** Since when the result of setup is there for a task, in words; null: it is not. */
export async function describePrepared(
  deps: VerifyDeps,
  claim: Claim,
  task: Task,
  signal: AbortSignal,
): Promise<string | null> {
  const place = placeOf(deps, claim, task, signal);
  return describeKept({ ...place, onProcess: () => {}, logRoot: deps.paths.logs });
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
  if (run.services?.length) place.push(run.services);
  // A fresh task has a baseline of its own.
  if (task.fresh) place.push(task.id);
  const key = createHash("sha256")
    .update(
      JSON.stringify([reading, task.repository, run.baseCommit, run.setup, commands, ...place]),
    )
    .digest("hex");
  const isKept = !run.checks.some(({ always }) => always);
  const known = isKept ? await getBaseline(deps.db, key) : null;
  if (known) return known;
  const baseline = await runBaseline(run);
  // A run left open by a temporary fault of the machine or the network is repeated next time.
  const isWhole = Object.values(baseline.runs).every(({ status }) => status !== "inconclusive");
  if (isKept && baseline.setupOk && isWhole)
    await waitOut(() => saveBaseline(deps.db, key, baseline));
  return baseline;
}
