import type { Agent } from "../agents/agent.ts";
import type { Claim } from "../core/outcome.ts";
import type { Attempt, Subtask, Task } from "../core/task.ts";
import type { ProcessIdentity } from "../sandbox/process-identity.ts";
import type { Db } from "../store/schema.ts";
import type { Mirror } from "../worktree/mirror.ts";

/** What the execute stage is given once, and what each attempt is about. */
export type ExecuteDeps = {
  db: Db;
  paths: { worktrees: string; logs: string; scratch: string };
  agentFor: (name: string) => Agent;
  /** The environment of agents' and setup commands, without the worktree's own values. */
  environment: () => Record<string, string>;
  trackProcess: (what: string) => (identity: ProcessIdentity) => void;
  report: (claim: Claim, message: string, data: Record<string, unknown>) => Promise<void>;
  /** Says that a slot waits for what is begun: other work may give way. Returns how to say it is done. */
  beginUrgent: () => () => void;
};

export type Job = {
  claim: Claim;
  task: Task;
  subtask: Subtask;
  attempt: Attempt;
  mirror: Mirror;
  /** What setup and agent print. */
  logPath: string;
  signal: AbortSignal;
};
