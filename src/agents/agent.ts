import type { Server } from "node:http";
import type { Budget, PlannedCall } from "../core/budget.ts";
import type { AttemptConfinement } from "../core/confinement.ts";
import type { EndReason, FailureKind } from "../core/failure.ts";
import type { FollowUp } from "../core/plan.ts";
import type { ModelCall, Role } from "../core/usage.ts";
import type { ProcessIdentity } from "../sandbox/process-identity.ts";
import type { CommandSpec } from "../sandbox/run-command.ts";
import type { PipedProcess } from "../sandbox/spawn-piped.ts";
import type { LimitedResult } from "./killed.ts";

/**
 * Who does the work in a worktree. An agent gets a brief and a folder, tells what it does through
 * `emit`, and ends with exactly one EndReason. It knows no git and no database; it never throws for
 * what the model, the program or the network does: that is an EndReason too.
 */
export type Agent = (run: AgentRun) => Promise<AgentEnd>;

export type AgentRun = {
  role: Role;
  brief: string;
  /** The worktree's root: the only folder it may write. */
  worktree: string;
  mode: "write" | "read_only";
  /** JSON schema of the answer that is wanted; the end then carries `output`. Null: words are enough. */
  outputSchema: Record<string, unknown> | null;
  /** The whole environment for its commands: scrubbed, with PORT and the worktree's own values. */
  env: Readonly<Record<string, string>>;
  /** Everything it prints goes here. */
  logPath: string;
  /** A folder outside the worktree for files it needs (brief file, long outputs). */
  scratch: string;
  /** A folder like `scratch` that is there again when the session is gone on with. */
  sessionFolder: string;
  timeoutMs: number;
  maxTurns: number;
  /** Aborted on cancel, pause and shutdown; the agent ends with `cancelled`, and the caller knows which. */
  signal: AbortSignal;
  onProcess: (identity: ProcessIdentity) => void;
  /** The only way to run anything: confined as the role may be, tracked, and never throwing. */
  runCommand: RunCommand;
  /** The same for a program that is talked with; rejects when it cannot be started. */
  spawnPiped: (spec: PipedSpec) => Promise<PipedProcess>;
  /** Whether the two confine. A program with a sandbox of its own then leaves it off. */
  confined: boolean;
  /** Let what it runs reach this server, and nothing else of the daemon: the port on its 127.0.0.1. */
  expose: (server: Server) => Promise<number>;
  session: Session;
  meter: Meter;
  /**
   * What a person said since the last look, oldest first. To be looked at between turns. It counts as
   * told with the next entry of the session.
   */
  takeMessages: () => Promise<string[]>;
  /** Of what was heard, this did not reach the agent: whoever looks next finds it again. */
  returnMessages: (said: readonly string[]) => void;
  emit: (event: AgentEvent) => void;
};

export type RunCommand = (spec: CommandSpec) => Promise<LimitedResult>;

export type PipedSpec = Pick<CommandSpec, "argv" | "cwd" | "env">;

/**
 * The memory of a piece of work, which outlives an attempt and this process. Empty when the work is
 * new; otherwise the agent goes on from where it stopped, and `brief` is what it is told now.
 */
export type Session = {
  /** Messages so far, oldest first, in the agent's own form. */
  readonly entries: readonly unknown[];
  /**
   * Stored when it resolves; call it before the next model call and after every tool. With
   * `checkpoint` the worktree as it is now is kept with them, both or neither: for the result of
   * whatever may have changed files; `changed` names the only ones, where that is known.
   */
  append(
    entries: readonly unknown[],
    options?: { checkpoint: boolean; changed?: readonly string[] | null },
  ): Promise<void>;
  /**
   * Keep the worktree as it is now, with the entries so far and these behind them. False: nothing
   * changed since the last one, and nothing was stored. Cheap then.
   */
  checkpoint(entries?: readonly unknown[]): Promise<boolean>;
  /** The work came to its end, and whoever works on it next begins anew. Nothing may follow. */
  forget(): Promise<void>;
  /** An external agent's own name for the session; null until it told one. */
  readonly externalId: string | null;
  keepExternalId(id: string): Promise<void>;
};

/** Counts what model calls use, and says when the budget is used up. */
export type Meter = {
  /** Null: the task has no budget. Else a run makes its calls one at a time. */
  readonly limits: {
    /** What a call is to be told not to pass, so that it is known what it may cost; null: no matter. */
    maxOutputTokens: number | null;
  } | null;
  /** To be asked before each model call; null when it may be made, else why not, in words. */
  refuse(call: () => PlannedCall): Promise<string | null>;
  /** To be told of each call that the server finished. Stored when it resolves. */
  count(call: ModelCall): Promise<void>;
  /** For a program whose calls nobody asks for: from now on a used-up budget ends the run by itself. */
  watch(): Promise<void>;
  /**
   * To be told of all that such a program says it used since the last time, sums by model: of what was
   * counted call by call only the difference is counted. Stored when it resolves.
   */
  settle(bill: readonly ModelCall[]): Promise<void>;
};

export type AgentEvent =
  | { kind: "turn"; number: number }
  | { kind: "text"; text: string }
  | { kind: "tool_call"; tool: string; summary: string }
  | { kind: "tool_result"; tool: string; ok: boolean; summary: string }
  | { kind: "usage"; call: ModelCall }
  | { kind: "question"; text: string };

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
  /** What it learned that others should know. */
  discoveries: string[];
  /** Work that it asks for beside its own. */
  followUps: FollowUp[];
  /** The answer by `outputSchema`, valid by it; null when none was asked for or none came. */
  output: unknown;
  /** When a limit of the provider ends, for `rate_limit_window` and overload; null: unknown. */
  retryAt: Date | null;
};

/** An end of which nothing but the reason is known. */
export function endWith(
  reason: EndReason,
  failure: FailureKind | null,
  detail: string,
  more: Partial<AgentEnd> = {},
): AgentEnd {
  return {
    reason,
    failure,
    detail,
    outputTail: "",
    summary: null,
    question: null,
    discoveries: [],
    followUps: [],
    output: null,
    retryAt: null,
    ...more,
  };
}

/**
 * Have an agent work in a role: the caller says what about and where; the agent, its model, its
 * sandbox, its memory and its budget are found by whoever made this function. Never throws for what
 * the agent does.
 */
export type RunRole = (request: RoleRequest) => Promise<RoleEnd>;

export type RoleEnd = AgentEnd & {
  /** Null: nothing was run. */
  confinement: AttemptConfinement | null;
  /** Where it can be gone on with; null: it never began. */
  sessionId: string | null;
};

export type RoleRequest = Pick<
  AgentRun,
  | "role"
  | "brief"
  | "worktree"
  | "mode"
  | "outputSchema"
  | "env"
  | "logPath"
  | "timeoutMs"
  | "signal"
  | "emit"
> & {
  about: { taskId: string; subtaskId: string | null; attemptId: string | null };
  /** The attempt that it judges and is no part of: its cost is written there. */
  judges?: string;
  /** The agent by name; null: the one that is configured for the role. */
  agent: string | null;
  /** The model, null: the agent's own choice; left out: the one that is configured for the role. */
  model?: string | null | undefined;
  /** The work that is gone on with; null: new work. */
  sessionId: string | null;
  /**
   * A name for what is asked, by which the session is found again when this process dies in it; null:
   * the attempt remembers its session.
   */
  asked: string | null;
  /** What changes in the worktree are changes to. */
  baseCommit: string;
  /** The git directory that the worktree belongs to: readable, never writable. */
  gitDir: string;
  /** What the task may spend, where that was just read. */
  budget?: Budget | null;
};
