import type { FailureKind } from "../../core/failure.ts";
import type { Tokens } from "../../core/usage.ts";

/**
 * What the loop knows of a model: it takes the transcript and the tools and gives one whole reply,
 * or says in words why there is none. A reply is whole when the server said why it stopped; half a
 * reply is never handed on. Nothing here is one provider's format: `chat-completions.ts` is the one
 * wire so far.
 */
export type Model = (
  messages: readonly Message[],
  tools: readonly ToolSpec[],
  signal: AbortSignal,
) => Promise<ModelAnswer>;

/** The transcript is an appended list of these; nothing in it is ever changed afterwards. */
export type Message =
  | { role: "system"; text: string }
  | { role: "user"; text: string }
  | { role: "assistant"; text: string; toolCalls: readonly ToolCall[] }
  | { role: "tool"; callId: string; text: string };

/** `arguments` is the text the model sent; whether it is JSON is for the tool call to find out. */
export type ToolCall = { id: string; name: string; arguments: string };

export type ToolSpec = { name: string; description: string; parameters: Record<string, unknown> };

export type ModelAnswer =
  | { kind: "reply"; reply: Reply }
  /** No reply, and asking again at once is of no use. */
  | { kind: "failed"; failure: FailureKind; detail: string }
  | { kind: "aborted" };

export type Reply = {
  text: string;
  toolCalls: readonly ToolCall[];
  /** `cut`: the length limit ended it. `withheld`: a content filter did. */
  finish: "whole" | "cut" | "withheld";
};

/** One HTTP call: like an answer, or a trouble of the transport that may pass. */
export type CallResult =
  | ModelAnswer
  | { kind: "passing"; status: number | null; detail: string; retryAfterMs: number | null };

/** Tokens as the server counted them for one call; null when it did not say. */
export type CallUsage = Tokens | null;
