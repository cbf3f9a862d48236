import type { Server } from "node:http";
import type { Budget, PlannedCall } from "../core/budget/budget.ts";
import type { ModelCall, Role } from "../core/budget/usage.ts";
import type { AttemptConfinement } from "../core/proof/confinement.ts";
import type { Service } from "../core/settings/service.ts";
import type { Sparse } from "../core/settings/sparse.ts";
import type { EndReason, FailureKind } from "../core/task/failure.ts";
import type { FollowUp } from "../core/task/plan.ts";
import type { ProcessIdentity } from "../sandbox/process/process-identity.ts";
import type { CommandSpec } from "../sandbox/process/run-command.ts";
import type { PipedProcess } from "../sandbox/process/spawn-piped.ts";
import type { LimitedResult } from "./words/killed.ts";

/**
 * Does the work in a worktree. An agent gets a brief and a folder, reports progress through `emit`,
 * and ends with exactly one EndReason. It knows no git and no database, and never throws for what
 * the model, the program or the network does: those are EndReasons too.
 */
export type Agent = (run: AgentRun) => Promise<AgentEnd>;

export type AgentRun = {
  role: Role;
  brief: string;
  /** The session was cut off by a process that died, and nothing was asked of it since. */
  isCutOff?: boolean;
  /** The worktree's root: the only folder it may write. */
  worktree: string;
  mode: "write" | "read_only";
  /** JSON schema for the answer; the end then carries `output`. Null: a text answer is enough. */
  outputSchema: Record<string, unknown> | null;
  /** The whole environment for its commands: scrubbed, with PORT and the worktree's own values. */
  env: Readonly<Record<string, string>>;
  /** Receives everything the agent prints. */
  logPath: string;
  /** A folder outside the worktree for files it needs (brief file, long outputs). */
  scratch: string;
  /** A folder like `scratch` that still exists when the session is resumed. */
  sessionFolder: string;
  timeoutMs: number;
  /** How long a model server may be silent in one call; `maxSilences` in a row end the run. */
  modelSilenceMs: number;
  maxTurns: number;
  /** Aborted on cancel, pause and shutdown; the agent ends with `cancelled`, the caller knows. */
  signal: AbortSignal;
  onProcess: (identity: ProcessIdentity) => void;
  /** The only way to run a command: confined according to the role, tracked, never throws. */
  runCommand: RunCommand;
  /** Like `runCommand` for an interactive program; rejects if it cannot be started. */
  spawnPiped: (spec: PipedSpec) => Promise<PipedProcess>;
  /** Whether both confine. If so, a program with a sandbox of its own turns it off. */
  confined: boolean;
  /**
   * Makes this server, and nothing else of the daemon, reachable for the run's processes; returns
   * its port on their 127.0.0.1.
   */
  expose: (server: Server) => Promise<number>;
  session: Session;
  meter: Meter;
  /**
   * Returns the messages from people since the last call, oldest first. Call it between turns. They
   * count as delivered with the session's next entry.
   */
  takeMessages: () => Promise<string[]>;
  /** Puts back messages that did not reach the agent; the next `takeMessages` returns them. */
  returnMessages: (said: readonly string[]) => void;
  /** What the daemon itself has to say to an agent that seems to hang: for now, and not to be kept. */
  takeNudge: () => string[];
  emit: (event: AgentEvent) => void;
  /**
   * Judges the files as they are now as verification will, for their author alone: by all of the
   * work's checks, or the one with this command. Left out: there are none.
   */
  check?: (command: string | null, signal: AbortSignal) => Promise<Tried>;
  /**
   * For a run that may not write: runs a shell command in a throw-away checkout of what it reads, as
   * checks are run. Left out: nothing of it may be run.
   */
  tryCommand?: (command: string, signal: AbortSignal) => Promise<Tried>;
};

/** What a run of the daemon's for an agent came to: `text` is for the agent, in bounded length. */
export type Tried = { ok: boolean; text: string };

/** One silence may be an accident of the network: the call is made again. */
export const maxSilences = 2;

export type RunCommand = (spec: CommandSpec) => Promise<LimitedResult>;

export type PipedSpec = Pick<CommandSpec, "argv" | "cwd" | "env">;

/**
 * The memory of a piece of work; it outlives an attempt and this process. Empty for new work.
 * Otherwise the agent resumes where it stopped, and `brief` is its next message.
 */
export type Session = {
  /** Messages so far, oldest first, in the agent's own format. */
  readonly entries: readonly unknown[];
  /**
   * Appends entries, stored when it resolves. Call it before the next model call and after every
   * tool. With `checkpoint` the current worktree is kept with them, both or neither: for the result
   * of anything that may have changed files. `changed` lists all changed files, if known.
   */
  append(
    entries: readonly unknown[],
    options?: { checkpoint: boolean; changed?: readonly string[] | null },
  ): Promise<void>;
  /**
   * Keeps the current worktree with the entries so far and the given ones. If nothing changed since
   * the last checkpoint, it stores nothing and cheaply returns false.
   */
  checkpoint(entries?: readonly unknown[]): Promise<boolean>;
  /** The work is finished, and the next run starts a new session. Call nothing after it. */
  forget(): Promise<void>;
  /** An external agent's own session id; null until it reported one. */
  readonly externalId: string | null;
  keepExternalId(id: string): Promise<void>;
};

/** Counts what model calls use, and refuses calls once the budget is used up. */
export type Meter = {
  /** Null: the task has no budget. With a budget a run makes its calls one at a time. */
  readonly limits: {
    /** Output limit to send with a call, so that its maximum cost is known; null: not needed. */
    maxOutputTokens: number | null;
  } | null;
  /** Call before each model call; returns null if it may be made, else the reason in words. */
  refuse(call: () => PlannedCall): Promise<string | null>;
  /** Call for each model call that the server finished. Stored when it resolves. */
  count(call: ModelCall): Promise<void>;
  /** For a program whose calls do not ask first: from now on a used-up budget ends the run. */
  watch(): Promise<void>;
  /**
   * Takes all usage that such a program reported since the last call, summed by model. Only the
   * difference to calls already counted one by one is added. Stored when it resolves.
   */
  settle(bill: readonly ModelCall[]): Promise<void>;
};

export type AgentEvent =
  | { kind: "turn"; number: number }
  | { kind: "text"; text: string }
  | { kind: "tool_call"; tool: string; summary: string }
  | { kind: "tool_result"; tool: string; ok: boolean; summary: string }
  | { kind: "usage"; call: ModelCall }
  | { kind: "question"; text: string }
  /** Not from the agent: what the daemon found out about it. */
  | { kind: "notice"; text: string };

export type AgentEnd = {
  reason: EndReason;
  /** Set when the agent knows the cause better than recovery could tell from outside. */
  failure: FailureKind | null;
  /** One clause for people: "exit 3", "the model server answered 401". */
  detail: string;
  /** The end of its output, for the next attempt's brief. */
  outputTail: string;
  summary: string | null;
  /** It says that nothing has to change. */
  nothingToDo: boolean;
  /** Set with `needs_input`. */
  question: string | null;
  /** The answers that it offers with the question (core/attention/choices.ts). */
  choices: string[];
  /** Facts it learned that other agents should know. */
  discoveries: string[];
  /** Work that it asks for in addition to its own. */
  followUps: FollowUp[];
  /** The answer, valid by `outputSchema`; null if none was requested or given. */
  output: unknown;
  /** When a limit of the provider ends, for `rate_limit_window` and overload; null: unknown. */
  retryAt: Date | null;
};

/** Returns an end with empty values for all that `more` does not set. */
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
    nothingToDo: false,
    question: null,
    choices: [],
    discoveries: [],
    followUps: [],
    output: null,
    retryAt: null,
    ...more,
  };
}

/**
 * Runs an agent in a role. The caller gives the brief and the place; the function finds the agent,
 * its model, sandbox, session and budget. Never throws for what the agent does.
 */
export type RunRole = (request: RoleRequest) => Promise<RoleEnd>;

export type RoleEnd = AgentEnd & {
  /** Null: nothing was run. */
  confinement: AttemptConfinement | null;
  /** The session to resume; null: the agent never started. */
  sessionId: string | null;
};

export type RoleRequest = Pick<
  AgentRun,
  | "role"
  | "brief"
  | "isCutOff"
  | "worktree"
  | "mode"
  | "outputSchema"
  | "env"
  | "logPath"
  | "timeoutMs"
  | "signal"
  | "emit"
  | "check"
  | "tryCommand"
> & {
  about: { taskId: string; subtaskId: string | null; attemptId: string | null };
  /** The attempt that it judges without being part of it; its cost is recorded there. */
  judges?: string;
  /** The agent's name; null: the one configured for the role. */
  agent: string | null;
  /** The model; null: the agent's default; undefined: the one configured for the role. */
  model?: string | null | undefined;
  /** The session to resume; null: new work. */
  sessionId: string | null;
  /**
   * A name for the request, by which its session is found again if this process dies during it;
   * null: the attempt stores the session.
   */
  asked: string | null;
  /** The commit that changes in the worktree are relative to. */
  baseCommit: string;
  /** The part of the tree that the worktree holds; null: all of it. */
  sparse: Sparse | null;
  /** The git directory that the worktree belongs to: readable, never writable. */
  gitDir: string;
  /** The task's budget, if it was just read. */
  budget?: Budget | null;
  /** What its checks need beside them, for it to run commands with; left out: nothing. */
  services?: readonly Service[];
};
