import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Agent, AgentEnd, AgentEvent } from "../agents/agent.ts";
import type { FailureKind } from "../core/failure.ts";
import { invariant } from "../core/invariant.ts";
import { attemptMark } from "../core/marks.ts";
import type { Claim, Outcome, Stage } from "../core/outcome.ts";
import { cleanOutsideText } from "../core/outside-text.ts";
import type { Attempt, Subtask, Task } from "../core/task.ts";
import type { ProcessIdentity } from "../sandbox/process-identity.ts";
import { runCommand } from "../sandbox/run-command.ts";
import { setAttemptLog } from "../store/attempts.ts";
import type { Db } from "../store/schema.ts";
import { getAttempt, getSubtask, getTask, listSubtasks } from "../store/tasks.ts";
import {
  claimWorktree,
  markPrepared,
  portsPerWorktree,
  type WorktreeRow,
} from "../store/worktrees.ts";
import { diffCommits } from "../worktree/diff.ts";
import { includeFiles } from "../worktree/include-files.ts";
import type { Mirror } from "../worktree/mirror.ts";
import { snapshotWorktree } from "../worktree/snapshot.ts";
import { addWorktree, resetWorktree } from "../worktree/worktree.ts";
import { writeBrief } from "./write-brief.ts";

/**
 * One attempt of one subtask, from a clean worktree at a recorded base to a commit: worktree →
 * setup → agent → snapshot. The daemon commits, not the agent, and whatever the agent left is
 * snapshotted however the attempt ended. Judging the commit is not done here.
 */
export type ExecuteDeps = {
  db: Db;
  paths: { worktrees: string; logs: string; scratch: string };
  agentFor: (name: string) => Agent;
  /** The environment of agents' and setup commands, without the worktree's own values. */
  environment: () => Record<string, string>;
  trackProcess: (what: string) => (identity: ProcessIdentity) => void;
  report: (claim: Claim, message: string, data: Record<string, unknown>) => Promise<void>;
};

type Job = {
  claim: Claim;
  task: Task;
  subtask: Subtask;
  attempt: Attempt;
  mirror: Mirror;
  signal: AbortSignal;
};

const setupTimeoutMs = 30 * 60_000;

export function makeExecuteStage(deps: ExecuteDeps): Stage {
  return async (claim, signal) => {
    const job = await readJob(deps, claim, signal);
    const worktree = await prepareWorktree(deps, job);
    const env = worktreeEnvironment(deps, job, worktree);
    const setup = await runSetup(deps, job, worktree, env);
    const end = setup ?? (await runAgent(deps, job, worktree, env));
    return finish(job, worktree, end);
  };
}

async function readJob(deps: ExecuteDeps, claim: Claim, signal: AbortSignal): Promise<Job> {
  invariant(claim.subtaskId && claim.attemptId, "an execution has a subtask and an attempt");
  const [task, subtask, attempt] = await Promise.all([
    getTask(deps.db, claim.taskId),
    getSubtask(deps.db, claim.subtaskId),
    getAttempt(deps.db, claim.attemptId),
  ]);
  invariant(task?.preparation && subtask && attempt, "a claimed attempt has its rows");
  return { claim, task, subtask, attempt, mirror: { gitDir: task.preparation.mirror }, signal };
}

/** The subtask's worktree, clean at the attempt's base. What a lost attempt left is kept as a snapshot first. */
async function prepareWorktree(deps: ExecuteDeps, job: Job): Promise<WorktreeRow> {
  const { attempt, mirror, subtask, task } = job;
  const path = join(deps.paths.worktrees, subtask.id);
  await mkdir(deps.paths.worktrees, { recursive: true });
  const row = await claimWorktree(deps.db, {
    taskId: task.id,
    subtaskId: subtask.id,
    mirror: mirror.gitDir,
    path,
  });
  const added = await addWorktree(mirror, path, attempt.baseCommit);
  if (added === "existed") {
    await snapshotWorktree(mirror, path, {
      parent: attempt.baseCommit,
      message: `Before attempt ${attempt.number} of ${subtask.id}`,
      ref: `refs/deputy/before/${attempt.id}`,
    });
    await resetWorktree(mirror, path, attempt.baseCommit, { keepIgnored: true });
  }
  await deps.report(job.claim, `Worktree ready at ${attempt.baseCommit.slice(0, 10)}`, {
    step: "worktree",
    path,
    base_commit: attempt.baseCommit,
    port: row.portBase,
  });
  return row;
}

function worktreeEnvironment(
  deps: ExecuteDeps,
  job: Job,
  worktree: WorktreeRow,
): Record<string, string> {
  const ports =
    worktree.portBase === null
      ? {}
      : {
          PORT: String(worktree.portBase),
          DEPUTY_PORT_RANGE: `${worktree.portBase}-${worktree.portBase + portsPerWorktree - 1}`,
        };
  return {
    ...deps.environment(),
    ...ports,
    DEPUTY_TASK_ID: job.task.id,
    DEPUTY_SUBTASK: job.subtask.key,
    DEPUTY_ATTEMPT: String(job.attempt.number),
    [attemptMark]: job.attempt.id,
    // No git of an agent may climb out of its worktree into a repository around it.
    GIT_CEILING_DIRECTORIES: deps.paths.worktrees,
  };
}

/** Copied files and setup commands, once per worktree and base. Null when all is well. */
async function runSetup(
  deps: ExecuteDeps,
  job: Job,
  worktree: WorktreeRow,
  env: Record<string, string>,
): Promise<AgentEnd | null> {
  const { attempt, mirror, signal, task } = job;
  // A review reads a commit that a stranger may have made: nothing that it says is run or copied.
  if (!task.expectsChange || worktree.preparedFor === attempt.baseCommit) return null;
  invariant(task.preparation, "a running task is prepared");
  const copied = await includeFiles(
    mirror,
    task.repository,
    worktree.path,
    task.preparation.baseCommit,
  );
  if (copied.copied.length + copied.skipped.length > 0) {
    await deps.report(
      job.claim,
      `Copied ${copied.copied.length} ignored files (.worktreeinclude)`,
      { step: "include", ...copied },
    );
  }
  const logPath = join(deps.paths.logs, `${attempt.id}.setup.log`);
  for (const command of task.preparation.setup) {
    const result = await runCommand({
      argv: ["sh", "-c", command],
      cwd: worktree.path,
      env,
      timeoutMs: setupTimeoutMs,
      signal,
      logPath,
      onStarted: deps.trackProcess(`setup of ${job.subtask.id}`),
    });
    if (result.endedBy === "abort")
      return ended("cancelled", null, "cancelled during setup", result.output);
    if (result.exitCode !== 0) {
      const how =
        result.endedBy === "timeout"
          ? "timed out"
          : (result.error ?? `exit ${result.exitCode ?? result.signal}`);
      return ended("crashed", "setup_failed", `setup \`${command}\` failed: ${how}`, result.output);
    }
    await deps.report(job.claim, `Setup: ${command}`, {
      step: "setup",
      command,
      duration_ms: result.durationMs,
    });
  }
  await markPrepared(deps.db, worktree.id, attempt.baseCommit);
  return null;
}

async function runAgent(
  deps: ExecuteDeps,
  job: Job,
  worktree: WorktreeRow,
  env: Record<string, string>,
): Promise<AgentEnd> {
  const { attempt, subtask, task, signal } = job;
  const scratch = join(deps.paths.scratch, attempt.id);
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  const subtasks = await listSubtasks(deps.db, task.id);
  const progress = new ProgressReporter(deps, job);
  const logPath = attemptLogPath(deps.paths.logs, attempt.id);
  await setAttemptLog(deps.db, attempt.id, logPath);
  const agent = deps.agentFor(subtask.agent);
  const end = await agent({
    brief: writeBrief({
      task,
      subtask,
      subtaskCount: subtasks.length,
      attempt: attempt.number,
      diff: await readDiff(job),
    }),
    worktree: worktree.path,
    mode: task.expectsChange ? "write" : "read_only",
    env,
    logPath,
    scratch,
    timeoutMs: task.attemptTimeoutMs,
    signal,
    onProcess: deps.trackProcess(`attempt ${attempt.id}`),
    emit: (event) => progress.emit(event),
  });
  await progress.flush();
  return end;
}

function attemptLogPath(folder: string, attemptId: string): string {
  return join(folder, `${attemptId}.log`);
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

/** Snapshot whatever is there, however it ended, and say how it ended. */
async function finish(job: Job, worktree: WorktreeRow, end: AgentEnd): Promise<Outcome> {
  const { attempt, mirror, signal, subtask, task } = job;
  const ref = `refs/deputy/attempts/${attempt.id}`;
  const snapshot = await snapshotWorktree(mirror, worktree.path, {
    parent: attempt.baseCommit,
    message: commitMessage(task, subtask, end),
    ref,
  });
  if (signal.aborted && signal.reason === "shutdown") {
    return {
      kind: "parked",
      detail: "the daemon was stopped; what the agent had written is kept",
      snapshotRef: ref,
    };
  }
  const unchanged = end.reason === "done" && task.expectsChange && !snapshot.changed;
  const failure: FailureKind | null = unchanged ? "no_change" : end.failure;
  return {
    kind: "attempted",
    reason: unchanged ? "gave_up" : end.reason,
    failure,
    detail: unchanged ? "no change: the agent ended without changing anything" : end.detail,
    outputTail: end.outputTail,
    // A review delivers words; whatever it wrote stays in its snapshot and goes no further.
    commit: task.expectsChange ? snapshot.commit : attempt.baseCommit,
    snapshotRef: ref,
    summary: end.summary,
    question: end.question,
    discoveries: end.discoveries,
    usage: end.usage,
  };
}

function commitMessage(task: Task, subtask: Subtask, end: AgentEnd): string {
  const body = end.summary ? `\n\n${end.summary.slice(0, 4_000)}` : "";
  return `${subtask.title}${body}\n\nDeputy-Task: ${task.id}\nDeputy-Subtask: ${subtask.key}`;
}

function ended(
  reason: AgentEnd["reason"],
  failure: FailureKind | null,
  detail: string,
  outputTail: string,
): AgentEnd {
  return {
    reason,
    failure,
    detail,
    outputTail: outputTail.slice(-8_000),
    summary: null,
    question: null,
    discoveries: [],
    usage: [],
  };
}

/** Agent events become task events, at most a few a second: a chatty agent must not flood the log. */
class ProgressReporter {
  private readonly deps: ExecuteDeps;
  private readonly job: Job;
  private lastAt = 0;
  private dropped = 0;
  private pending: Promise<void> = Promise.resolve();

  constructor(deps: ExecuteDeps, job: Job) {
    this.deps = deps;
    this.job = job;
  }

  emit(event: AgentEvent): void {
    const now = Date.now();
    if (event.kind !== "tool_call" && now - this.lastAt < 1_000) {
      this.dropped++;
      return;
    }
    const message = describeEvent(event);
    if (message === null) return;
    this.lastAt = now;
    const data = { step: event.kind, left_out: this.dropped };
    this.dropped = 0;
    this.pending = this.pending
      .then(() => this.deps.report(this.job.claim, message, data))
      // A progress line that cannot be stored is no reason to end an attempt; the count says so.
      .catch(() => {
        this.dropped++;
      });
  }

  flush(): Promise<void> {
    return this.pending;
  }
}

function describeEvent(event: AgentEvent): string | null {
  switch (event.kind) {
    case "turn":
      return null;
    case "text":
      return event.text.trim() === "" ? null : event.text.trim().slice(0, 300);
    case "tool_call":
      return `${event.tool} ${event.summary}`.slice(0, 300);
    case "tool_result":
      return event.ok ? null : `${event.tool} failed: ${event.summary}`.slice(0, 300);
  }
}
