/**
 * A scripted model's replies, as data. A scenario chooses a script from the request alone, and the
 * turn is the number of replies that the request already holds. So the same request gets the same
 * reply from any server at any time, and a restart changes nothing.
 */
export type Scenario = {
  /** The model listed by `/v1/models`. */
  model: string;
  /** The script for this conversation. */
  choose(conversation: Conversation): readonly ScriptedTurn[];
};

export type Conversation = {
  system: string;
  /** The first user message: the brief. */
  brief: string;
  /** Names of the offered tools. */
  tools: readonly string[];
};

export type ScriptedTurn = {
  text?: string;
  calls?: readonly ScriptedCall[];
  /** Token counts of the reply; by default four bytes count as a token. */
  usage?: ScriptedUsage;
  /** Default: `tool_calls` with calls, `stop` without. */
  finish?: "stop" | "tool_calls" | "length" | "content_filter";
  /** Milliseconds before the reply. */
  thinkMs?: number;
  /** Faults that happen first, once each; after that the turn is served. */
  faults?: readonly Fault[];
};

/** `arguments` given as a string are sent as they are, however broken. */
export type ScriptedCall = { name: string; arguments: Record<string, unknown> | string };

export type ScriptedUsage = {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
};

export type Fault =
  /** An error response in the format of the API. */
  | {
      kind: "status";
      status: number;
      headers?: Record<string, string>;
      code?: string;
      message?: string;
    }
  /** The connection breaks after part of the reply. */
  | { kind: "reset" }
  /** The reply ends cleanly in the middle, without a finish reason. */
  | { kind: "cut" }
  /** Part of the reply, then silence until the client disconnects. */
  | { kind: "stall" }
  /** The whole reply, but neither usage nor an end. */
  | { kind: "hang" }
  /** An event that is not JSON. */
  | { kind: "malformed" }
  /** An error object inside the stream. */
  | { kind: "error_event"; message: string }
  /** 200 with a web page, as a captive proxy sends it. */
  | { kind: "html" };
