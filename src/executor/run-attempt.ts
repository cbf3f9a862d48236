import { join } from "node:path";
import type { RoleEnd } from "../agents/agent.ts";
import { cleanText, cutText } from "../agents/clean-text.ts";
import { answerVariable } from "../agents/command-session.ts";
import { attemptRef, commitMessage } from "../core/commit-message.ts";
import type { Refused } from "../core/confinement.ts";
import type { FailureKind } from "../core/failure.ts";
import { invariant } from "../core/invariant.ts";
import type { Claim, Outcome, Stage } from "../core/outcome.ts";
import { cleanOutsideText } from "../core/outside-text.ts";
import { findSpaceProblem } from "../core/space.ts";
import type { Subtask } from "../core/task.ts";
import { isVolumeFull, measureRoom, type RoomAtStart } from "../sandbox/measure-room.ts";
import { setAttemptLog } from "../store/attempts.ts";
import { takeSaid } from "../store/said.ts";
import type { Db } from "../store/schema.ts";
import { getAttempt, getTask, listAttempts, listSubtasks } from "../store/tasks.ts";
import type { WorktreeRow } from "../store/worktrees.ts";
import { diffCommits } from "../worktree/diff.ts";
import { findUnfitContent } from "../worktree/find-unfit-content.ts";
import { freeVolume } from "../worktree/free-volume.ts";
import { keepSubmodules, submoduleRefOf, submoduleSetupRef } from "../worktree/keep-submodules.ts";
import { keepWorktree } from "../worktree/keep-worktree.ts";
import { leaveOutSetup } from "../worktree/leave-out-setup.ts";
import { listFilled } from "../worktree/submodules.ts";
import type { Skipped } from "../worktree/worktree-changes.ts";
import type { ExecuteDeps, Job } from "./job.ts";
import { ProgressReporter } from "./report-progress.ts";
import { prepareWorktree, runSetup, setupRef, worktreeEnvironment } from "./set-up-worktree.ts";
import { writeBrief, writeContinuation } from "./write-brief.ts";

/**
 * One attempt of one subtask, from a clean worktree at a recorded base to a commit: worktree →
 * setup → agent → snapshot. The daemon commits, not the agent, and whatever the agent left is
 * snapshotted however the attempt ended. Judging the commit is not done here.
 */
export function makeExecuteStage(deps: ExecuteDeps): Stage {
  return async (claim, signal, freeSlot) => {
    const begun = deps.beginUrgent("start");
    try {
      const job = await readJob(deps, claim, signal);
      if (job.subtask.kind === "plan") {
        begun();
        return await deps.planSubtask(job);
      }
      const { worktree, env } = await deps.onMirror(job, () => prepare(deps, job));
      const room = await measureRoom(deps.paths.worktrees);
      if (job.task.preparation?.setup.length !== 0) begun(); // it may take minutes
      const { end, refused } = await runSetup(deps, job, worktree, env);
      const ended = end ?? withRefused(await runAgent(deps, job, worktree, env, begun), refused);
      freeSlot();
      await Promise.all([deps.letOthersStart(), job.progress.flush()]);
      const finished = deps.beginUrgent("finish");
      return await deps
        .onMirror(job, () => finish(deps, job, worktree, ended, room))
        .finally(finished);
    } finally {
      begun();
    }
  };
}

/** Until its agent runs, a slot is taken for nothing. */
async function prepare(deps: ExecuteDeps, job: Job) {
  deps.expectAgent(job.subtask.agent);
  const [worktree] = await Promise.all([
    prepareWorktree(deps, job),
    setAttemptLog(deps.db, job.attempt.id, job.logPath),
  ]);
  return { worktree, env: worktreeEnvironment(deps, job, worktree) };
}

async function readJob(deps: ExecuteDeps, claim: Claim, signal: AbortSignal): Promise<Job> {
  invariant(claim.subtaskId && claim.attemptId, "an execution has a subtask and an attempt");
  const { task, subtasks, attempt } =
    deps.takeClaimed(claim) ?? (await readRows(deps.db, claim.taskId, claim.attemptId));
  const subtask = subtasks.find(({ id }) => id === claim.subtaskId);
  invariant(task?.preparation && subtask && attempt, "a claimed attempt has its rows");
  const logPath = join(deps.paths.logs, `${attempt.id}.log`);
  const mirror = { gitDir: task.preparation.mirror };
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
  onBegin: () => void,
): Promise<RoleEnd> {
  const { attempt, subtask, subtaskCount, task, signal } = job;
  const said = await takeSaid(deps.db, subtask.id, attempt);
  return deps.runRole({
    role: task.expectsChange ? "coder" : "reviewer",
    about: { taskId: task.id, subtaskId: subtask.id, attemptId: attempt.id },
    agent: subtask.agent,
    sessionId: attempt.sessionId,
    asked: null,
    baseCommit: attempt.baseCommit,
    gitDir: job.mirror.gitDir,
    outputSchema: null,
    brief: attempt.sessionId
      ? writeContinuation(subtask)
      : writeBrief({
          task,
          subtask,
          subtaskCount,
          attempt: attempt.number,
          diff: await readDiff(job),
          submodules: (await listFilled(job.mirror, attempt.baseCommit)).map(({ path }) => path),
          said,
          work: said.some(({ place }) => place !== null) ? await readWork(deps, job) : null,
        }),
    worktree: worktree.path,
    mode: task.expectsChange ? "write" : "read_only",
    env: { ...env, ...answerOf(subtask) },
    logPath: job.logPath,
    timeoutMs: task.attemptTimeoutMs,
    signal,
    emit: (event) => job.progress.emit(event),
    onBegin,
    budget: task.budget,
  });
}

/** For programs that read no brief. A variable has less room than an answer. */
function answerOf({ answers }: Subtask): Record<string, string> {
  const answer = answers.at(-1)?.answer;
  return answer === undefined ? {} : { [answerVariable]: cutText(cleanText(answer), 30_000) };
}

/** What setup was refused, beside what the agent was. */
function withRefused(end: RoleEnd, refused: readonly Refused[]): RoleEnd {
  const { confinement } = end;
  if (confinement === null) return end;
  return { ...end, confinement: { ...confinement, denials: [...refused, ...confinement.denials] } };
}

/** What a review is about: the change from where it left the branch, cut to what a model can read. */
async function readDiff({ mirror, task }: Job): Promise<string | null> {
  const { preparation } = task;
  if (task.expectsChange || !preparation?.forkCommit) return null;
  const diff = await diffCommits(mirror, preparation.forkCommit, preparation.baseCommit, {
    maxBytes: 200_000,
  });
  return cleanOutsideText(diff, 200_000);
}

/** What comments are about: the change so far, and whether the worktree holds it. */
async function readWork({ db }: ExecuteDeps, { attempt, mirror, subtask, task }: Job) {
  const base = task.preparation?.baseCommit ?? attempt.baseCommit;
  const isThere = attempt.baseCommit !== base;
  const attempts = isThere ? [] : await listAttempts(db, { subtaskId: subtask.id });
  const last = attempts.findLast(({ commit }) => commit !== null)?.commit ?? base;
  const to = isThere ? attempt.baseCommit : last;
  return { isThere, diff: await diffCommits(mirror, base, to, { maxBytes: 100_000 }) };
}

/** Snapshot whatever is there, however it ended, and say how it ended. */
async function finish(
  deps: ExecuteDeps,
  job: Job,
  worktree: WorktreeRow,
  end: RoleEnd,
  room: RoomAtStart,
): Promise<Outcome> {
  const { attempt, mirror, signal, subtask, task } = job;
  const ref = attemptRef(attempt.id);
  const about = {
    base: attempt.baseCommit,
    message: commitMessage(task, subtask, end.summary, deps.redact),
    ref,
  };
  const free = () => freeVolume(worktree.path, room);
  let filled = (await isVolumeFull(deps.paths.worktrees)) ? await free() : null;
  const keep = () => keepWorktree(mirror, { path: worktree.path, ...about });
  const kept = await keep().catch(async (error) => {
    if (findSpaceProblem(error) === null) throw error;
    filled ??= await free();
    if (filled === null) throw error;
    return keep();
  });
  const hasSetup = task.expectsChange && task.preparation?.setup.length !== 0;
  const commit = hasSetup
    ? await leaveOutSetup(mirror, setupRef(subtask.id), { commit: kept, ...about })
    : kept;
  const inSubmodules = task.expectsChange
    ? await keepSubmodules(mirror, {
        path: worktree.path,
        base: attempt.baseCommit,
        ref: submoduleRefOf(attempt.id),
        since: submoduleSetupRef(subtask.id),
      })
    : [];
  if (signal.aborted && (signal.reason === "shutdown" || signal.reason === "paused")) {
    const why = signal.reason === "paused" ? "paused by a person" : "the daemon was stopped";
    return {
      kind: "parked",
      detail: `${why}; what the agent had written is kept`,
      snapshotRef: ref,
    };
  }
  const judged = end.reason === "done" && task.expectsChange;
  const rejected = filled ?? (judged ? await findRejected(deps, job, worktree.path, commit) : null);
  // A comment on work that is merged may be answered in words: what is there stands.
  const mustChange = subtask.integratedCommit === null;
  const unchanged = judged && mustChange && commit === attempt.baseCommit;
  const fault: { failure: FailureKind; detail: string } | null =
    rejected !== null
      ? { failure: "content_rejected", detail: rejected }
      : unchanged
        ? { failure: "no_change", detail: describeNoChange(inSubmodules) }
        : null;
  return {
    kind: "attempted",
    reason: fault ? "gave_up" : end.reason,
    failure: fault?.failure ?? end.failure,
    detail: fault?.detail ?? end.detail,
    outputTail: end.outputTail,
    // A review delivers words; whatever it wrote stays in its snapshot and goes no further.
    commit: task.expectsChange ? commit : attempt.baseCommit,
    snapshotRef: ref,
    summary: end.summary,
    question: end.question,
    discoveries: end.discoveries,
    followUps: end.followUps,
    confinement: end.confinement,
    retryAt: end.retryAt,
  };
}

/**
 * Why what the agent wrote cannot be handed over, path by path; null when it can. What is left out
 * because nobody could have it (FIFOs, sockets, devices) is told.
 */
async function findRejected(
  deps: ExecuteDeps,
  { attempt, mirror, progress, task }: Job,
  workTree: string,
  commit: string,
): Promise<string | null> {
  const unfit = await findUnfitContent(mirror, {
    ...{ workTree, commit, base: attempt.baseCommit },
    maxFileBytes: deps.maxFileBytes(task.repository),
  });
  const say = (found: readonly Skipped[]) =>
    found
      .slice(0, maxNamed)
      .map(({ path, reason }) => `${JSON.stringify(cutText(path, 200))} ${reason}`)
      .join("; ") + (found.length > maxNamed ? `; and ${found.length - maxNamed} more` : "");
  const leftOut = unfit.filter(({ isContent }) => !isContent);
  if (leftOut.length > 0)
    progress.tell(`Left out, because git cannot hold it: ${say(leftOut)}`, {
      ...{ step: "left_out", paths: leftOut.slice(0, maxNamed).map(({ path }) => path) },
    });
  const content = unfit.filter(({ isContent }) => isContent);
  if (content.length === 0) return null;
  return `what was written cannot be handed over: ${say(content)}. Rename, split, move or remove it, or have .gitignore ignore it`;
}

const maxNamed = 10;

function describeNoChange(inSubmodules: readonly string[]): string {
  if (inSubmodules.length === 0) return "no change: the agent ended without changing anything";
  return `no change: what the agent changed lies in submodules, which Deputy does not deliver (${inSubmodules.slice(0, 10).join(", ")})`;
}
