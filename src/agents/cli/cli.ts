import type { ModelCall, Tokens } from "../../core/budget/usage.ts";
import type { AgentEvent, AgentRun } from "../agent.ts";
import type { Protocol } from "../gateway/provider.ts";
import type { Lendable } from "./lendable.ts";

/**
 * The specifics of one third-party agent program: the files it needs in its home, its command
 * line, and the meaning of its output lines. Everything shared is in run-cli.ts.
 */
export type Cli = {
  name: "codex" | "claude" | "opencode";
  /** The command that installs it, for people. */
  install: string;
  /** The command that logs in, for people. */
  logIn: string;
  protocol: Protocol;
  /** Path of its login file from the user's home; the same in the run's home. */
  loginFile: string;
  /** The part of the parsed file for a run; null: it is no login. `model`: the run's model. */
  lend(login: unknown, model: string | null): Lendable | null;
  /** Hosts it must reach with its own login, when it uses no key of ours. */
  loginHosts: readonly string[];
  /** Why its own login cannot be used with this model, as a sentence; null: it may work. */
  refuseModel(model: string): string | null;
  /** Files for its home, by path from there. */
  files(setup: Setup): Record<string, string>;
  command(setup: Setup, turn: Turn): CliCommand;
  /**
   * Formats a message as a line for its stdin, which it reads while it works. Null: it reads one
   * message to its end and receives no other during its turn.
   */
  speak: ((message: string) => string) | null;
  /** Reader for the output of one process: takes a parsed line; unknown lines have no meaning. */
  makeReader(model: string | null): (line: unknown) => Said[];
  /**
   * The file in its home in which it logs its work, for a program whose output reports usage only
   * at the end of a turn. Null: its output is enough.
   */
  record: {
    /** Returns the path from the home for this session; null: it does not exist yet. */
    find(home: string, session: string): Promise<string | null>;
    /** Reader for its lines, starting with the first one of a process. */
    makeReader(model: string): (line: unknown) => Said[];
  } | null;
  /** Returns the real cause from its output, if its message hides it; null: nothing better. */
  explain?(output: string): string | null;
};

export type Setup = Pick<AgentRun, "mode" | "confined" | "outputSchema"> & {
  model: string | null;
  home: string;
  /** Null: the program's own login. */
  gateway: { baseUrl: string; key: string } | null;
};

export type Turn = { message: string; resume: string | null };

export type CliCommand = {
  args: readonly string[];
  env: Record<string, string>;
};

export type Said =
  | { what: "session"; id: string }
  | { what: "event"; event: AgentEvent }
  /** The newest message for the delegating agent or person; the last one is the summary. */
  | { what: "answer"; text: string }
  | { what: "output"; value: unknown }
  /** One call. After the last one the program makes no more until it gets another message. */
  | { what: "usage"; call: ModelCall; isLast: boolean }
  /** Everything the process has used so far, by model, including calls reported before. */
  | { what: "bill"; calls: ModelCall[] }
  /** It accepted the oldest pending line from its stdin. */
  | { what: "taken" }
  /** A running total of the whole session, including earlier processes. */
  | { what: "total"; tokens: Tokens }
  /** The running total when the process started. */
  | { what: "restored"; tokens: Tokens }
  /** Reported limit of the account, not in the model's words; null: no limit any more. */
  | { what: "limit"; reached: { resetsAt: Date | null } | null }
  | { what: "failed"; message: string; because?: "limit" | "credit" | "login" | "busy" }
  | { what: "finished" };
