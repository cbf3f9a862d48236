import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { DeputyError } from "../core/base/error.ts";
import { invariant } from "../core/base/invariant.ts";
import { isProviderLimit } from "../core/task/failure.ts";
import type { Claim, Outcome, Stage } from "../core/task/outcome.ts";
import type { Plan } from "../core/task/plan.ts";
import type { Preparation, Task } from "../core/task/task.ts";
import { requireForge } from "../delivery/forges/open-forges.ts";
import type { Job } from "../executor/job.ts";
import { roleAgent } from "../roles/run-role.ts";
import { listPlans } from "../store/tasks/plans.ts";
import { getTask } from "../store/tasks/tasks.ts";
import { inspectRepository } from "../verifier/checks/inspect-repository.ts";
import { repositoryConfigPath } from "../verifier/checks/read-repository-config.ts";
import { fetchPart } from "../worktree/checkout/sparse.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import type { AuthHeader } from "../worktree/mirror/transport.ts";
import { requirePushable } from "../worktree/publish/publish.ts";
import { listFilesAt } from "../worktree/read/read-commit.ts";
import { type AskDeps, askPlanner } from "./ask-planner.ts";
import { planAsGiven, planDirectly } from "./plan-task.ts";
import { makePrepareBase, type PrepareBase, type PreparedBase } from "./prepare-task.ts";
import { wantsPlan } from "./wants-plan.ts";

/**
 * The first stage: fetches, fixes the base, reads what decides the checks, and makes a plan. Most
 * tasks are one subtask and need no model call; a planner is asked where it seems worthwhile, where
 * a person wants it, and where one sent a plan back. Problems of the repository end here.
 */
export type PlanDeps = AskDeps & {
  authHeader: AuthHeader;
  /** Since when the result of setup is there, in words; null: it is not. */
  describePrepared: (claim: Claim, task: Task, signal: AbortSignal) => Promise<string | null>;
};

/**
 * At most this many tasks are fetched and inspected at once: git keeps processors busy, and new tasks are
 * accepted meanwhile. Some more than processors, because a remote may be slow.
 */
const maxPreparations = Math.max(4, availableParallelism());

export function makePlanStage(deps: PlanDeps): Stage {
  // Planners take minutes, so the stage has many slots; CPU-bound preparation has few.
  const limit = pLimit(maxPreparations);
  const prepare = makePrepare(deps);
  return async (claim, signal) => {
    const task = await getTask(deps.db, claim.taskId);
    invariant(task, "a claimed task exists");
    try {
      const preparation = await limit(() => prepare(task, signal));
      return await plan(deps, claim, { ...task, preparation }, preparation, signal);
    } catch (error) {
      // An error that the caller must fix is no infrastructure error: a retry would end the same.
      if (error instanceof DeputyError && error.code !== "unavailable") {
        return { kind: "refused", detail: error.message };
      }
      throw error;
    }
  };
}

/**
 * Runs a subtask of kind `plan` or `replan`: its attempt asks a planner, and the planned subtasks
 * replace it.
 */
export async function planSubtask(deps: AskDeps, job: Job): Promise<Outcome> {
  const { claim, signal, subtask, task } = job;
  invariant(task.preparation, "a running task is prepared");
  const made = await askPlanner(deps, claim, task, task.preparation, {
    part: subtask,
    agent: subtask.agent,
    why:
      subtask.kind === "replan"
        ? `the attempts of "${subtask.key}" failed`
        : `"${subtask.key}" was left to be planned`,
    signal,
  });
  if ("plan" in made) return { kind: "subplanned", plan: made.plan };
  if (made.parked) return { kind: "parked", detail: made.detail, snapshotRef: null };
  const { detail, end } = made;
  return {
    kind: "attempted",
    reason: end?.reason ?? "gave_up",
    failure: end ? end.failure : "plan_refused",
    detail,
    outputTail: end?.outputTail ?? "",
    commit: null,
    snapshotRef: null,
    summary: null,
    question: end?.reason === "out_of_budget" || end?.failure === "question" ? end.question : null,
    choices: end?.choices ?? [],
    discoveries: [],
    followUps: [],
    confinement: end?.confinement ?? null,
    retryAt: end?.retryAt ?? null,
  };
}

async function plan(
  deps: PlanDeps,
  claim: Claim,
  task: Task,
  preparation: Preparation,
  signal: AbortSignal,
): Promise<Outcome> {
  const planned = async (made: Plan): Promise<Outcome> => {
    const prepared = await deps.describePrepared(claim, task, signal);
    return { kind: "planned", preparation, plan: made, prepared };
  };
  const wasSeen = task.approval === "plan" && (await listPlans(deps.db, task.id)).length > 0;
  const hasPlanner = () => roleAgent(deps.config, "planner", task.repository) !== null;
  const countFiles = async () => {
    const { baseCommit, mirror } = preparation;
    return (await listFilesAt(deps.mirrors.at(mirror), baseCommit)).length;
  };
  const wish = await wantsPlan(task, hasPlanner, countFiles);
  if (!wasSeen && task.planInput) return planned(planAsGiven(task, task.planInput));
  if (!wasSeen && !wish.plan) return planned(planDirectly(task, wish.why));
  const made = await askPlanner(deps, claim, task, preparation, {
    part: null,
    agent: task.agent,
    why: wasSeen ? "a person sent a plan back" : wish.why,
    signal,
  });
  if ("plan" in made) return planned(made.plan);
  if (made.parked) return { kind: "parked", detail: made.detail, snapshotRef: null };
  // Only the task's budget leads to a question; nobody can raise the limit of one run.
  if (made.end?.reason === "out_of_budget" && made.end.question !== null)
    return { kind: "unaffordable", detail: made.detail };
  if (made.end?.failure === "question" && made.end.question !== null)
    return { kind: "asked", question: made.end.question, choices: made.end.choices };
  if (made.end && isProviderLimit(made.end))
    return { kind: "postponed", detail: made.detail, retryAt: made.end.retryAt, agent: made.agent };
  return { kind: made.mayPass ? "broken" : "refused", detail: made.detail };
}

const nothingToRun = {
  setup: [],
  services: [],
  registries: [],
  checks: [],
  checksSource: "none",
  protectedPaths: [],
  sparse: [],
  delivery: null,
  proof: null,
  notes: [],
  tools: { versions: [], usesMise: false },
} as const;

type PrepareDeps = Pick<PlanDeps, "authHeader" | "config" | "mirrors">;

/** Fetches, fixes the base commit, and reads what it says about setup, checks and delivery. */
export function makePrepare(
  deps: PrepareDeps,
): (task: Task, signal: AbortSignal) => Promise<Preparation> {
  const prepareBase = makePrepareBase({ mirrors: deps.mirrors, authHeader: deps.authHeader });
  return (task, signal) => prepare(deps, task, prepareBase, signal);
}

async function prepare(
  deps: PrepareDeps,
  task: Task,
  prepareBase: PrepareBase,
  signal: AbortSignal,
): Promise<Preparation> {
  const base = await prepareBase(task, signal);
  // A stranger's commit configures nothing: a review has no setup and no checks.
  const inspected = task.expectsChange
    ? await inspectRepository(base.mirror, base.baseCommit, task.checks)
    : nothingToRun;
  const { setup, registries, checks, checksSource, protectedPaths, sparse } = inspected;
  const { delivery, proof, notes, tools } = inspected;
  // Here, because this stage waits for a remote that is away.
  await fetchPart(base.mirror, base.baseCommit, sparse);
  if (task.expectsChange) await requireRoom(deps, task, base);
  if (task.delivery === "auto" && delivery === "pr") {
    requireConfiguredDelivery(() => requireForge(deps.config, task.repository));
  }
  return {
    baseCommit: base.baseCommit,
    baseRef: base.baseRef,
    mirror: base.mirror.gitDir,
    setup: [...setup],
    services: [...inspected.services],
    registries: [...registries],
    tools,
    checks: [...checks],
    checksSource,
    protectedPaths: [...protectedPaths],
    sparse: [...sparse],
    forkCommit: base.forkCommit,
    delivery,
    proof,
    notes: [...base.notes, ...notes],
  };
}

/** Throws when the finished work's branch could not be pushed, as far as can be known before. */
async function requireRoom(
  { authHeader }: PrepareDeps,
  { repository: text }: Task,
  { baseCommit, mirror }: PreparedBase,
): Promise<void> {
  const repository = parseRepository(text);
  const header = await authHeader(repository.url, "write");
  await requirePushable(mirror, repository, {
    ...{ commit: baseCommit, ...(header && { authHeader: header }) },
  });
}

/** The caller did not ask for it, so the message names the file that did. */
function requireConfiguredDelivery(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    throw new DeputyError(
      error.code,
      `\`${repositoryConfigPath}\`: \`delivery: pr\` cannot be done. ${error.message}`,
      { field: "delivery" },
    );
  }
}
