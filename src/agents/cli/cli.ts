import type { ModelCall, Tokens } from "../../core/usage.ts";
import type { AgentEvent, AgentRun } from "../agent.ts";
import type { Protocol } from "../gateway/provider.ts";
import type { Lendable } from "./lendable.ts";

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
  /** What of that file, parsed, a run gets; null: it is no login. `model`: what the run works with. */
  lend(login: unknown, model: string | null): Lendable | null;
  /** Where its own login leads it: what it must reach when no key of ours works for it. */
  loginHosts: readonly string[];
  /** Why its own login cannot be used with a model of this name, as a sentence; null: it may be tried. */
  refuseModel(model: string): string | null;
  /** Files for its home, by path from there. */
  files(setup: Setup): Record<string, string>;
  command(setup: Setup, turn: Turn): CliCommand;
  /**
   * A message as a line for its stdin, which it reads while it works. Null: it reads one message to
   * its end and hears of nothing else before its turn is over.
   */
  speak: ((message: string) => string) | null;
  /** For the output of one process: what a line of it means, parsed. What it does not know is nothing. */
  makeReader(model: string | null): (line: unknown) => Said[];
  /**
   * The file in its home in which it writes down what it does while it does it, for a program whose
   * output tells only at the end of a turn what it used. Null: its output says all.
   */
  record: {
    /** Its path from the home for the session of this name; null: it is not there yet. */
    find(home: string, session: string): Promise<string | null>;
    /** What its lines mean, beginning with the first one of a process. */
    makeReader(model: string): (line: unknown) => Said[];
  } | null;
  /** What really went wrong, out of all that it printed, where its own words do not say; null: nothing better. */
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
  /** The newest message for whoever delegates; the last one is the summary. */
  | { what: "answer"; text: string }
  | { what: "output"; value: unknown }
  /** One call; after the last one the program makes no more, unless it is told something. */
  | { what: "usage"; call: ModelCall; isLast: boolean }
  /** All that the process used up to now, by model: calls that were told of before are in it. */
  | { what: "bill"; calls: ModelCall[] }
  /** It took in a line that was spoken to it, the oldest of those that it had not. */
  | { what: "taken" }
  /** A running total of the whole session, earlier processes included. */
  | { what: "total"; tokens: Tokens }
  /** What the running total was when the process began. */
  | { what: "restored"; tokens: Tokens }
  /** Its own word about a limit of the account, not the model's; null: no limit any more. */
  | { what: "limit"; reached: { resetsAt: Date | null } | null }
  | { what: "failed"; message: string; because?: "limit" | "credit" | "login" | "busy" }
  | { what: "finished" };
