/**
 * What the scripted model says, as data: scripts by role, turns by count. A role is chosen from the
 * request alone. Its turn is the number of replies that the request already holds, so a repeated or
 * resumed request gets the same answer from any server, and two hundred conversations at once do not
 * disturb each other; with `turnsBy: "served"` it is the number of replies the role has begun so far, for
 * scripts that go on over fresh conversations (a reviewer's second round).
 *
 * After the last turn of a script the model says that it is done, so that nothing hangs.
 */
export type Scenario = {
  /** What `/v1/models` lists; default: `scripted`. */
  models?: readonly string[];
  /** The first role that matches speaks. */
  roles: Readonly<Record<string, Role>>;
  /** What this server does not have; it answers as servers do that lack it. */
  lacks?: readonly Lack[];
};

export type Lack = "responses" | "structured_output" | "usage";

export type Role = {
  /**
   * A pattern for the instructions and what the user says before the first reply (as text: a regular
   * expression, ignoring case), or a function of the request. Without it the role takes every request.
   */
  match?: RegExp | string | ((seen: Seen) => boolean);
  /** Default: `replies`. */
  turnsBy?: "replies" | "served";
  /** A function is asked for every request. */
  turns: readonly Turn[] | ((seen: Seen, turn: number) => Turn);
};

export type Turn = {
  text?: string;
  reasoning?: string;
  calls?: readonly Call[];
  /** The answer where one by schema is asked for; plain text, or Claude's tool for it, elsewhere. */
  json?: unknown;
  /** What the reply costs; default: four bytes are a token, and what came before is cached. */
  usage?: TurnUsage;
  /** What happens instead of the turn, each once (or `times`); after that the turn is served. */
  fault?: Fault | readonly Fault[];
  /** How long the model thinks before the first byte. */
  latencyMs?: number;
};

/** `input` counts the cached ones, `output` the reasoning. */
export type TurnUsage = { input: number; cached?: number; output: number; reasoning?: number };

/**
 * The abstract tools `bash {command}`, `read {path}`, `edit {path, old, new}`, `write {path, content}`,
 * `search {pattern, path?}` and `finish {summary}` become whatever the asking agent offers for it. Paths
 * are relative to its working directory; `old` and `new` are whole lines, as some agents patch by line.
 * Every other name goes out as it is, and arguments that are text do so however broken.
 */
export type Call = { tool: string; args: Readonly<Record<string, unknown>> | string };

export type Fault = { times?: number } & (
  | { kind: "rate_limit"; retryAfter?: number | string }
  | { kind: "server_error" }
  | { kind: "overloaded" }
  | { kind: "context_length" }
  /** The plan's window is used up until then (unix seconds). */
  | { kind: "usage_limit"; resetsAt: number }
  | { kind: "insufficient_quota" }
  /** Any other error answer. */
  | {
      kind: "status";
      status: number;
      code?: string;
      message?: string;
      headers?: Record<string, string>;
    }
  /** 200 with a web page, as a captive proxy sends it. */
  | { kind: "wrong_content_type" }
  /** Half of the reply, then the connection breaks. */
  | { kind: "reset" }
  /** Half of the reply, then silence until `release()` or until the client goes. */
  | { kind: "stall" }
  /** Half of the reply, then an event that is no JSON. */
  | { kind: "malformed" }
  /** Half of the reply, then a clean end without a finish reason. */
  | { kind: "cut" }
  /** The stream ends in the middle of a tool call's arguments. */
  | { kind: "cut_arguments" }
  /** Half of the reply, then an error as an event. */
  | { kind: "error_event"; code?: string; message?: string }
  /** The whole reply, but neither usage nor an end until `release()`. */
  | { kind: "hang" }
  /** The limit of output tokens ends it in the middle of the text or the arguments. */
  | { kind: "length" }
  /** The calls name a tool that was never offered. */
  | { kind: "unknown_tool"; name?: string }
  | { kind: "empty" }
  | { kind: "refusal"; message?: string }
  /** A whole reply that does not say what it cost. */
  | { kind: "no_usage" }
);

export type Wire = "responses" | "chat" | "messages";

/** A request as the scenario sees it, whichever wire it came by. */
export type Seen = {
  wire: Wire;
  model: string;
  stream: boolean;
  system: string;
  /** What the user says before the first reply: the brief. */
  user: string;
  /** The last thing the user says. */
  lastUser: string;
  /** How many replies the conversation holds. */
  replies: number;
  tools: readonly OfferedTool[];
  /** Where the agent says that it works; null when it does not say. */
  workdir: string | null;
  /** The schema that the answer has to follow. */
  schema: Json | null;
  /** A title or a probe that agents ask for beside the work: it never takes a turn of the script. */
  isSide: boolean;
  /** The same for all requests of one conversation. */
  conversation: string;
  /** Tokens of the conversation up to the last reply. */
  knownTokens: number;
  /** What the real services would refuse in the conversation, in one sentence. */
  flaw: string | null;
};

export type OfferedTool = {
  name: string;
  /** Custom tools take text instead of JSON. */
  kind: "function" | "custom";
  parameters: Json;
  /** The group it was offered in. */
  namespace: string | null;
};

export type Json = Record<string, unknown>;
