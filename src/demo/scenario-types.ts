/**
 * What a scripted model says, as data. A scenario chooses a script from the request alone, and the
 * turn of it is the number of replies that the request already holds: so the same request gets the
 * same reply from any server at any time, and a restart in the middle changes nothing.
 */
export type Scenario = {
  /** The model that `/v1/models` names. */
  model: string;
  /** The script for this conversation. */
  choose(conversation: Conversation): readonly ScriptedTurn[];
};

export type Conversation = {
  system: string;
  /** The first user message: the brief. */
  brief: string;
  /** Names of the tools offered. */
  tools: readonly string[];
};

export type ScriptedTurn = {
  text?: string;
  calls?: readonly ScriptedCall[];
  /** What the reply costs; without it the server counts four bytes as a token. */
  usage?: ScriptedUsage;
  /** Default: `tool_calls` with calls, `stop` without. */
  finish?: "stop" | "tool_calls" | "length" | "content_filter";
  /** How long the model thinks. */
  thinkMs?: number;
  /** What goes wrong first, each once; after that the turn is served. */
  faults?: readonly Fault[];
};

/** `arguments` as a string goes out as it is, however broken. */
export type ScriptedCall = { name: string; arguments: Record<string, unknown> | string };

export type ScriptedUsage = {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
};

export type Fault =
  /** An error answer in the format of the API. */
  | {
      kind: "status";
      status: number;
      headers?: Record<string, string>;
      code?: string;
      message?: string;
    }
  /** The connection breaks after a part of the reply. */
  | { kind: "reset" }
  /** The reply ends cleanly in the middle, without a finish reason. */
  | { kind: "cut" }
  /** A part of the reply, then silence until the client goes. */
  | { kind: "stall" }
  /** The whole reply, but then neither usage nor an end. */
  | { kind: "hang" }
  /** An event that is no JSON. */
  | { kind: "malformed" }
  /** An error object inside the stream. */
  | { kind: "error_event"; message: string }
  /** 200 with a web page, as a captive proxy sends it. */
  | { kind: "html" };
