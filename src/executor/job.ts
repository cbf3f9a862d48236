import type { RunCommand, RunRole, Tried } from "../agents/agent.ts";
import type { AttemptConfinement } from "../core/proof/confinement.ts";
import type { WantedTools } from "../core/settings/wanted-tool.ts";
import type { Claim, Outcome } from "../core/task/outcome.ts";
import type { Attempt, Subtask, Task } from "../core/task/task.ts";
import type { Redact } from "../core/text/redact.ts";
import type { ProcessIdentity } from "../sandbox/process/process-identity.ts";
import type { Db } from "../store/database/schema.ts";
import type { Mirror, Mirrors } from "../worktree/mirror/mirror.ts";
import type { Given } from "../worktree/prepared/prepared-trees.ts";
import type { ProgressReporter } from "./report-progress.ts";

/** Dependencies of the execute stage. */
export type ExecuteDeps = {
  db: Db;
  mirrors: Mirrors;
  paths: { worktrees: string; logs: string };
  runRole: RunRole;
  redact: Redact;
  /**
   * Judges a commit of unfinished work for its author; see verifier/checks/judge-now.ts. `command`: one
   * of its checks; null: all.
   */
  judgeNow: (
    job: Job,
    about: { commit: string; command: string | null },
    signal: AbortSignal,
  ) => Promise<Tried>;
  /** What ends this attempt, what its commands reach, and what follows: all that its agent is told. */
  limitsOf: (job: Job) => AttemptLimits;
  /** For a subtask that is to be planned first. */
  planSubtask: (job: Job) => Promise<Outcome>;
  /**
   * Called before the worktree is made, so that whatever is slow to load for this agent loads
   * meanwhile.
   */
  expectAgent: (name: string) => void;
  /** The largest file that a repository's host accepts; null: any. */
  maxFileBytes: (repository: string) => number | null;
  /** Runs work on the task's mirror; a broken mirror is made again, and the work runs again. */
  onMirror: <T>(
    about: { claim: Claim; task: Task; signal: AbortSignal },
    work: () => Promise<T>,
  ) => Promise<T>;
  /** The box for a worktree's setup commands, which may reach more than an agent. */
  openSetupBox: (job: Job, worktree: string) => Promise<SetupBox>;
  /**
   * Copies what setup made for another worktree into this fresh one and its home. `isWhole`: setup
   * need not run; else it starts from there. Null: it runs from nothing. `failed`: it does not work on
   * this commit, as was seen just now, and why.
   */
  giveSetup: (
    job: Job,
    place: { commit: string; worktree: string; home: string; included: readonly string[] },
  ) => Promise<{ given: Given | null; failed: { detail: string; output: string } | null }>;
  /** The environment for agents and setup commands, without the worktree's own values. */
  environment: (tools: WantedTools | undefined) => Record<string, string>;
  trackChild: (what: string) => (identity: ProcessIdentity) => void;
  report: (claim: Claim, message: string, data: Record<string, unknown>) => Promise<void>;
};

export type AttemptLimits = {
  timeoutMs: number;
  /** Model calls; null: nobody counts them. */
  maxTurns: number | null;
  /** `open`: the machine's own network; a list: these hosts by HTTPS; an empty one: nothing. */
  reach: "open" | readonly string[];
  /** A model reads the change once its checks are green. */
  isReviewed: boolean;
};

export type SetupBox = {
  runCommand: RunCommand;
  confinement(): AttemptConfinement;
  close(): Promise<void>;
};

export type Job = {
  claim: Claim;
  task: Task;
  subtask: Subtask;
  /** In the whole task. */
  subtaskCount: number;
  attempt: Attempt;
  mirror: Mirror;
  progress: ProgressReporter;
  /** The output of setup and agent. */
  logPath: string;
  signal: AbortSignal;
};
