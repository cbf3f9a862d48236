import { join } from "node:path";
import type { AgentEvent, RoleEnd, RunRole } from "../agents/agent.ts";
import type { Config } from "../config/config.ts";
import { roleSettings } from "../config/role-settings.ts";
import { attemptMark } from "../core/base/marks.ts";
import { formatLeft } from "../core/budget/budget.ts";
import { sparseOf, tellSparse } from "../core/settings/sparse.ts";
import type { WantedTools } from "../core/settings/wanted-tool.ts";
import { whyParked } from "../core/task/abort-cause.ts";
import type { Claim } from "../core/task/outcome.ts";
import type { Plan, PlanShape } from "../core/task/plan.ts";
import type { Preparation, Subtask, Task } from "../core/task/task.ts";
import { ProgressReporter } from "../executor/report-progress.ts";
import { reportProgress } from "../orchestrator/commands/commands.ts";
import { listPlannerAnswers } from "../orchestrator/questions/planner-question.ts";
import { roleAgent } from "../roles/run-role.ts";
import type { Db } from "../store/database/schema.ts";
import { findAsked } from "../store/records/sessions.ts";
import { readSpent } from "../store/records/spending.ts";
import { listUsage } from "../store/records/usage.ts";
import { listPlans } from "../store/tasks/plans.ts";
import { getAttempt, listSubtasks } from "../store/tasks/tasks.ts";
import { type TryCommand, type TryPlace, withTries } from "../verifier/checks/try-commands.ts";
import type { Mirrors } from "../worktree/mirror/mirror.ts";
import { planAsAnswered } from "./plan-task.ts";
import { runPlanner } from "./run-planner.ts";
import type { FailedPart } from "./write-planner-brief.ts";

/**
 * Asks the planner of a task's repository for a plan: chooses the agent and its time, passes on the
 * plans that a person sent back, and reads what it used. Any other end is described in words, with
 * whether a retry may succeed.
 */
export type AskDeps = {
  db: Db;
  config: Config;
  environment: (tools: WantedTools | undefined) => Record<string, string>;
  runRole: RunRole;
  mirrors: Mirrors;
  /** Where a planner of this task tries commands, on this commit. */
  triesOf: (claim: Claim, task: Task, commit: string, signal: AbortSignal) => TryPlace;
};

type Unplanned = {
  /** Who was asked. */
  agent: string;
  detail: string;
  /** The process is stopping, or the task was cancelled. */
  parked: boolean;
  /** Nothing about the work was wrong: a retry may succeed. */
  mayPass: boolean;
  /** Null: it was parked, or answered without a valid plan. */
  end: RoleEnd | null;
};

export async function askPlanner(
  deps: AskDeps,
  claim: Claim,
  task: Task,
  preparation: Preparation,
  about: { part: Subtask | null; agent: string; why: string; signal: AbortSignal },
): Promise<{ plan: Plan } | Unplanned> {
  const { config, db } = deps;
  const { part, signal, why } = about;
  const settings = roleSettings(config.roles, "planner", task.repository);
  const agent = roleAgent(config, "planner", task.repository) ?? "builtin";
  const progress = new ProgressReporter((message, data) =>
    reportProgress(db, claim, { type: "plan.progressed", message, data }),
  );
  const attempt = claim.attemptId ? await getAttempt(db, claim.attemptId) : null;
  const baseCommit = attempt?.baseCommit ?? preparation.baseCommit;
  // A session on another base would know other files: that is another request.
  const asked = attempt ? null : `plan of ${task.id} on ${baseCommit}`;
  const sessionId = asked ? await findAsked(db, asked, agent) : (attempt?.sessionId ?? null);
  const before = await readPlanned(db, claim);
  const again = part?.kind === "replan" ? await readFailed(db, task, part) : null;
  const startedAt = performance.now();
  const request = {
    about: { taskId: task.id, subtaskId: claim.subtaskId, attemptId: claim.attemptId },
    agent,
    asked,
    sessionId,
    baseCommit,
    sparse: sparseOf(preparation),
    failedPlans: again?.plans ?? [],
    mirror: deps.mirrors.at(preparation.mirror),
    workRoot: config.paths.checks,
    brief: {
      task,
      sparse: tellSparse(sparseOf(preparation)),
      checks: preparation.checks,
      part,
      failed: again?.failed ?? null,
      rejected: part === null ? await readRejected(db, task) : [],
      answers: part?.answers ?? (await listPlannerAnswers(db, task.id)),
    },
    env: {
      ...deps.environment(preparation.tools),
      DEPUTY_TASK_ID: task.id,
      ...(claim.attemptId === null ? {} : { [attemptMark]: claim.attemptId }),
      // No git of an agent may climb out of its worktree into an enclosing repository.
      GIT_CEILING_DIRECTORIES: config.paths.checks,
    },
    logPath: plannerLog(config, claim),
    timeoutMs: settings.timeoutMs ?? plannerTimeoutMs,
    signal,
    emit: (event: AgentEvent) => progress.emit(event),
  };
  const run = (tryCommand: TryCommand | null) => runPlanner(deps, { ...request, tryCommand });
  // Nothing runs before a plan that a person wants to see first is approved.
  const mayRun = part !== null || task.approval !== "plan";
  const tries = deps.triesOf(claim, { ...task, preparation }, baseCommit, signal);
  const result = await (mayRun ? withTries(tries, run) : run(null))
    .catch((error) => {
      if (signal.aborted) return null; // while its checks were tried
      throw error;
    })
    .finally(() => progress.flush());
  const durationMs = Math.round(performance.now() - startedAt);
  if (result === null || signal.aborted) {
    return { agent, detail: describeAbort(signal), parked: true, mayPass: true, end: null };
  }
  switch (result.kind) {
    case "planned": {
      const used = await readUsage(db, claim);
      const planner = {
        agent,
        reason: result.answer.reason,
        problem: result.problem,
        durationMs,
        models: used.models,
        calls: used.calls - before.calls,
        inputTokens: used.inputTokens - before.inputTokens,
        outputTokens: used.outputTokens - before.outputTokens,
        costUsd: used.costUsd === null ? null : used.costUsd - before.costUsd,
      };
      return { plan: planAsAnswered(result.answer, { agent: about.agent, why, planner }) };
    }
    case "refused":
      return { agent, detail: result.detail, parked: false, mayPass: false, end: null };
    case "ended": {
      const { end } = result;
      const detail = `the planner ended without a plan (${end.reason.replaceAll("_", " ")}): ${end.detail}`;
      return { agent, detail, parked: false, mayPass: mayPass(end), end };
    }
  }
}

const plannerTimeoutMs = 30 * 60_000;

/** Whether the provider or the process caused the end, not the work. */
function mayPass({ reason, failure }: RoleEnd): boolean {
  if (failure === null) return reason === "crashed" || reason === "lost" || reason === "stalled";
  return [
    "model_unavailable",
    "rate_limit_window",
    "infrastructure",
    "killed",
    "lost",
    "hung",
    "stalled",
  ].includes(failure);
}

function describeAbort(signal: AbortSignal): string {
  if (signal.reason === "cancelled") return "cancelled";
  const why = whyParked(signal) ?? "the daemon was stopped";
  return `${why}; the planner continues afterwards`;
}

/** The log of a planner's output: that of its attempt, where it has one. */
function plannerLog(config: Config, { attemptId, taskId }: Claim): string {
  return join(config.paths.logs, attemptId ? `${attemptId}.log` : `plan-${taskId}.log`);
}

async function readRejected(db: Db, task: Task): Promise<{ plan: Plan; feedback: string }[]> {
  if (task.approval !== "plan") return [];
  return (await listPlans(db, task.id)).flatMap(({ state, plan: made, feedback }) =>
    state === "rejected" && made && feedback ? [{ plan: made, feedback }] : [],
  );
}

/** What a planner has to know of a part that is planned anew, and the plans that it may not repeat. */
async function readFailed(
  db: Db,
  task: Task,
  part: Subtask,
): Promise<{ failed: FailedPart; plans: PlanShape[] }> {
  const [subtasks, plans, spent] = await Promise.all([
    listSubtasks(db, task.id),
    listPlans(db, task.id),
    task.budget ? readSpent(db, task.id) : null,
  ]);
  const own = { key: part.key, brief: part.brief || task.goal, dependsOn: [] };
  return {
    failed: {
      history: part.feedback ?? "",
      others: subtasks.filter(({ id }) => id !== part.id),
      budgetLeft: task.budget && spent ? formatLeft(task.budget, spent) : null,
    },
    plans: [[own], ...plans.flatMap(({ plan }) => (plan ? [plan.subtasks] : []))],
  };
}

/** Usage of the plans before this one, so that an interrupted planner is counted whole. */
async function readPlanned(db: Db, { attemptId, taskId }: Claim) {
  const plans = attemptId === null ? await listPlans(db, taskId) : [];
  const planners = plans.flatMap(({ plan, subtaskId }) =>
    subtaskId === null && plan?.planner ? [plan.planner] : [],
  );
  const sum = (of: "calls" | "inputTokens" | "outputTokens") =>
    planners.reduce((total, planner) => total + planner[of], 0);
  return {
    calls: sum("calls"),
    inputTokens: sum("inputTokens"),
    outputTokens: sum("outputTokens"),
    costUsd: planners.reduce((total, { costUsd }) => total + (costUsd ?? 0), 0),
  };
}

/** Usage of planners so far, for this task or for this attempt. */
async function readUsage(db: Db, { attemptId, taskId }: Claim) {
  const rows = (await listUsage(db, taskId)).filter(
    (row) => row.role === "planner" && row.attemptId === attemptId,
  );
  const sum = (of: "calls" | "inputTokens" | "outputTokens") =>
    rows.reduce((total, row) => total + row[of], 0);
  return {
    models: [...new Set(rows.map(({ model }) => model))],
    calls: sum("calls"),
    inputTokens: sum("inputTokens"),
    outputTokens: sum("outputTokens"),
    costUsd: rows.reduce<number | null>(
      (total, { costUsd }) => (total === null || costUsd === null ? null : total + costUsd),
      0,
    ),
  };
}
