import { join } from "node:path";
import type { RoleEnd } from "../agents/agent.ts";
import { answerVariable } from "../agents/programs/command-session.ts";
import { invariant } from "../core/base/invariant.ts";
import { formatLeft } from "../core/budget/budget.ts";
import type { Refused } from "../core/proof/confinement.ts";
import { isInPart, sparseOf } from "../core/settings/sparse.ts";
import { goesOn, interruptedKinds } from "../core/task/failure.ts";
import type { Claim, Stage } from "../core/task/outcome.ts";
import type { Subtask } from "../core/task/task.ts";
import { cleanText, cutText } from "../core/text/clean-text.ts";
import { cleanOutsideText } from "../core/text/outside-text.ts";
import { measureRoom } from "../sandbox/limits/measure-room.ts";
import { waitOut } from "../store/database/outage.ts";
import type { Db } from "../store/database/schema.ts";
import { takeMessages } from "../store/records/messages.ts";
import { readSpent } from "../store/records/spending.ts";
import { setAttemptLog } from "../store/tasks/attempts.ts";
import { getAttempt, getTask, listAttempts, listSubtasks } from "../store/tasks/tasks.ts";
import type { WorktreeRow } from "../store/tasks/worktrees.ts";
import { listFilled } from "../worktree/content/submodules.ts";
import { diffCommits } from "../worktree/read/diff.ts";
import { listFilesAt, noneIfTooLarge, readFileAt } from "../worktree/read/read-commit.ts";
import { openCheck } from "./check-now.ts";
import { finishAttempt } from "./finish-attempt.ts";
import type { ExecuteDeps, Job } from "./job.ts";
import { prepareWorktree, worktreeEnvironment } from "./prepare-worktree.ts";
import { ProgressReporter } from "./report-progress.ts";
import { runSetup } from "./run-setup.ts";
import { writeBrief, writeContinuation } from "./write-brief.ts";
import { writeOverview } from "./write-overview.ts";

/**
 * One attempt of one subtask, from a clean worktree at a recorded base to a commit: worktree →
 * setup → agent → snapshot. The daemon commits, not the agent, and takes a snapshot however the
 * attempt ended. Judging the commit is not done here.
 */
export function makeExecuteStage(deps: ExecuteDeps): Stage {
  return async (claim, signal) => {
    const job = await readJob(deps, claim, signal);
    if (job.subtask.kind !== "work") return deps.planSubtask(job);
    const { worktree, env } = await deps.onMirror(job, () => prepare(deps, job));
    const room = await measureRoom(deps.paths.worktrees);
    const { end, refused } = await runSetup(deps, job, worktree, env);
    const ended = end ?? withRefused(await runAgent(deps, job, worktree, env), refused);
    await job.progress.flush();
    return deps.onMirror(job, () => finishAttempt(deps, job, worktree, ended, room));
  };
}

async function prepare(deps: ExecuteDeps, job: Job) {
  deps.expectAgent(job.attempt.agent);
  const [worktree] = await Promise.all([
    prepareWorktree(deps, job),
    waitOut(() => setAttemptLog(deps.db, job.attempt.id, job.logPath)),
  ]);
  return { worktree, env: worktreeEnvironment(deps, job, worktree) };
}

async function readJob(deps: ExecuteDeps, claim: Claim, signal: AbortSignal): Promise<Job> {
  invariant(claim.subtaskId && claim.attemptId, "an execution has a subtask and an attempt");
  const { task, subtasks, attempt } = await readRows(deps.db, claim.taskId, claim.attemptId);
  const subtask = subtasks.find(({ id }) => id === claim.subtaskId);
  invariant(task?.preparation && subtask && attempt, "a claimed attempt has its rows");
  const logPath = join(deps.paths.logs, `${attempt.id}.log`);
  const mirror = deps.mirrors.at(task.preparation.mirror);
  const subtaskCount = subtasks.length;
  const progress = new ProgressReporter((message, data) => deps.report(claim, message, data));
  return { claim, task, subtask, subtaskCount, attempt, mirror, progress, logPath, signal };
}

async function readRows(db: Db, taskId: string, attemptId: string) {
  const [task, subtasks, attempt] = await Promise.all([
    getTask(db, taskId),
    listSubtasks(db, taskId),
    getAttempt(db, attemptId),
  ]);
  return { task, subtasks, attempt };
}

async function runAgent(
  deps: ExecuteDeps,
  job: Job,
  worktree: WorktreeRow,
  env: Record<string, string>,
): Promise<RoleEnd> {
  const { attempt, subtask, subtaskCount, task, signal } = job;
  const said = await waitOut(() => takeMessages(deps.db, subtask.id, attempt));
  const wasTold = attempt.sessionId !== null && (await wasToldInSession(deps.db, job));
  const check = openCheck(deps, job, worktree.path);
  return deps.runRole({
    ...(check && { check }),
    role: task.expectsChange ? "coder" : "reviewer",
    about: { taskId: task.id, subtaskId: subtask.id, attemptId: attempt.id },
    agent: attempt.agent,
    // A model belongs to its agent: the role's is not one of the agent that took over.
    model: subtask.fallback ? subtask.fallback.model : undefined,
    sessionId: attempt.sessionId,
    asked: null,
    baseCommit: attempt.baseCommit,
    sparse: sparseOf(task.preparation),
    gitDir: job.mirror.gitDir,
    outputSchema: null,
    isCutOff: !wasTold && subtask.ending?.what === "attempt" && subtask.ending.reason === "lost",
    brief: attempt.sessionId
      ? writeContinuation(subtask, wasTold)
      : writeBrief({
          task,
          subtask,
          subtaskCount,
          attempt: attempt.number,
          diff: await readDiff(job),
          submodules: await listSubmodulesHere(job),
          said,
          overview: task.expectsChange ? await readOverview(job) : "",
          limits: deps.limitsOf(job),
          budgetLeft: task.budget && formatLeft(task.budget, await readSpent(deps.db, task.id)),
          work: said.some(({ place }) => place !== null) ? await readWork(deps, job) : null,
        }),
    worktree: worktree.path,
    mode: task.expectsChange ? "write" : "read_only",
    env: { ...env, ...answerOf(subtask) },
    logPath: job.logPath,
    timeoutMs: task.attemptTimeoutMs,
    signal,
    emit: (event) => job.progress.emit(event),
    budget: task.budget,
    services: task.preparation?.services ?? [],
  });
}

/**
 * Whether a message to the session is what the work is about: a repair, or a reviewer's round.
 * Interruptions since then are passed over.
 */
async function wasToldInSession(db: Db, { attempt, subtask }: Job): Promise<boolean> {
  const attempts = await listAttempts(db, { subtaskId: subtask.id });
  const told = attempts
    .filter(({ number }) => number < attempt.number)
    .findLast(({ decision }) => decision !== null && !interruptedKinds.has(decision.kind));
  return told?.decision ? goesOn(told.decision.rung) : false;
}

/** For programs that read no brief. A variable holds less than an answer may. */
function answerOf({ answers }: Subtask): Record<string, string> {
  const answer = answers.at(-1)?.answer;
  return answer === undefined ? {} : { [answerVariable]: cutText(cleanText(answer), 30_000) };
}

/** Adds what setup was refused to what the agent was. */
function withRefused(end: RoleEnd, refused: readonly Refused[]): RoleEnd {
  const { confinement } = end;
  if (confinement === null) return end;
  return { ...end, confinement: { ...confinement, denials: [...refused, ...confinement.denials] } };
}

/** The submodules that the worktree holds. */
async function listSubmodulesHere({ attempt, mirror, task }: Job): Promise<string[]> {
  const paths = (await listFilled(mirror, attempt.baseCommit)).map(({ path }) => path);
  const sparse = sparseOf(task.preparation);
  return sparse ? paths.filter((path) => isInPart(sparse.folders, path)) : paths;
}

async function readOverview({ attempt, mirror }: Job): Promise<string> {
  const [files, packageJson] = await Promise.all([
    listFilesAt(mirror, attempt.baseCommit),
    readFileAt(mirror, attempt.baseCommit, "package.json").catch(noneIfTooLarge),
  ]);
  return writeOverview(files, packageJson);
}

/** For a review: the change since its fork point, cut to what a model can read. */
async function readDiff({ mirror, task }: Job): Promise<string | null> {
  const { preparation } = task;
  if (task.expectsChange || !preparation?.forkCommit) return null;
  const diff = await diffCommits(mirror, preparation.forkCommit, preparation.baseCommit, {
    maxBytes: 200_000,
  });
  return cleanOutsideText(diff, 200_000);
}

/** The subject of the comments: the change so far, and whether the worktree holds it. */
async function readWork({ db }: ExecuteDeps, { attempt, mirror, subtask, task }: Job) {
  const base = task.preparation?.baseCommit ?? attempt.baseCommit;
  const isThere = attempt.baseCommit !== base;
  const attempts = isThere ? [] : await listAttempts(db, { subtaskId: subtask.id });
  const last = attempts.findLast(({ commit }) => commit !== null)?.commit ?? base;
  const to = isThere ? attempt.baseCommit : last;
  return { isThere, diff: await diffCommits(mirror, base, to, { maxBytes: 100_000 }) };
}
