import type { EndReason, FailureKind } from "../core/failure.ts";
import type { Usage } from "../core/usage.ts";
import type { ProcessIdentity } from "../sandbox/process-identity.ts";

/**
 * Who does the work in a worktree. An agent gets a brief and a folder, tells what it does through
 * `emit`, and ends with exactly one EndReason. It knows no git and no database; it never throws for
 * what the model, the program or the network does: that is an EndReason too.
 */
export type Agent = (run: AgentRun) => Promise<AgentEnd>;

export type AgentRun = {
  brief: string;
  /** The worktree's root: the only folder it may write. */
  worktree: string;
  mode: "write" | "read_only";
  /** The whole environment for its commands: scrubbed, with PORT and the worktree's own values. */
  env: Readonly<Record<string, string>>;
  /** Everything it prints goes here. */
  logPath: string;
  /** A folder outside the worktree for files it needs (brief file, long outputs). */
  scratch: string;
  timeoutMs: number;
  /** Aborted on cancel and on shutdown; the agent ends with `cancelled`, and the caller knows which. */
  signal: AbortSignal;
  onProcess: (identity: ProcessIdentity) => void;
  emit: (event: AgentEvent) => void;
};

export type AgentEvent =
  | { kind: "turn"; number: number }
  | { kind: "text"; text: string }
  | { kind: "tool_call"; tool: string; summary: string }
  | { kind: "tool_result"; tool: string; ok: boolean; summary: string };

export type AgentEnd = {
  reason: EndReason;
  /** Set when the cause is known better here than recovery could tell from outside. */
  failure: FailureKind | null;
  /** One clause for people: "exit 3", "the model server answered 401". */
  detail: string;
  /** The end of its output, for the next attempt's brief. */
  outputTail: string;
  summary: string | null;
  /** Set with `needs_input`. */
  question: string | null;
  discoveries: string[];
  usage: Usage[];
};
