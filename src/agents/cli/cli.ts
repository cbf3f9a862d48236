import type { ModelCall, Tokens } from "../../core/usage.ts";
import type { AgentEvent, AgentRun } from "../agent.ts";
import type { Protocol } from "../gateway/provider.ts";

/**
 * A program of somebody else's that is an agent, as far as one differs from another: what it wants
 * in its home, how it is called, and what its lines of output mean. Everything that they share is
 * in run-cli.ts.
 */
export type Cli = {
  name: "codex" | "claude" | "opencode";
  /** The command that installs it, for people. */
  install: string;
  /** The command that logs in, for people. */
  logIn: string;
  protocol: Protocol;
  /** Its login file, from the user's home; the same place in the run's. */
  loginFile: string;
  /** Where its own login leads it: what it must reach when no key of ours works for it. */
  loginHosts: readonly string[];
  /** Files for its home, by path from there. */
  files(setup: Setup): Record<string, string>;
  command(setup: Setup, turn: Turn): CliCommand;
  /**
   * A message as a line for its stdin, which it reads while it works. Null: it reads one message to
   * its end and hears of nothing else before its turn is over.
   */
  speak: ((message: string) => string) | null;
  /** One line of its output, parsed. What it does not know is nothing. */
  read(line: unknown): Said[];
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
  /** The newest message for whoever delegates; the last one is the summary. */
  | { what: "answer"; text: string }
  | { what: "output"; value: unknown }
  | { what: "usage"; call: ModelCall }
  /** What this process used of one model up to now. */
  | { what: "sum"; call: ModelCall }
  /** It took in a line that was spoken to it, the oldest of those that it had not. */
  | { what: "taken" }
  /** A running total of the whole session, earlier processes included. */
  | { what: "total"; tokens: Tokens }
  /** A call was made of which only the end will say what it used. */
  | { what: "call"; id: string; model: string }
  | { what: "failed"; message: string }
  | { what: "finished" };
