import { z } from "zod";
import type { FailureKind } from "../../core/failure.ts";

/**
 * What the loop knows of a model: it takes the transcript and the tools and gives one whole reply,
 * or says in words why there is none. A reply is whole when the server said why it stopped; half a
 * reply is never handed on. Nothing here is one provider's format: that is for the wires
 * (`chat-completions.ts`, `responses.ts`).
 */
export type Model = (request: ModelRequest, signal: AbortSignal) => Promise<ModelAnswer>;

export type ModelRequest = {
  messages: readonly Message[];
  tools: readonly ToolSpec[];
  /** The final answer is to be JSON by this schema. Null: words. */
  outputSchema: Record<string, unknown> | null;
  /** `none`: it is to answer in words, and the tools are there only because the transcript names them. */
  toolChoice: "auto" | "none";
  /** Null: as long as the server allows. */
  maxOutputTokens?: number | null;
};

/** `arguments` is the text the model sent; whether it is JSON is for the tool call to find out. */
const toolCallSchema = z.object({ id: z.string(), name: z.string(), arguments: z.string() });
export type ToolCall = z.infer<typeof toolCallSchema>;

/** What only the model that said it understands, reasoning above all; it gets it back as it was. */
const carriedSchema = z.object({
  model: z.string(),
  wire: z.enum(["responses", "chat"]),
  items: z.array(z.record(z.string(), z.unknown())),
});
export type Carried = z.infer<typeof carriedSchema>;

/** The transcript is an appended list of these; nothing in it is ever changed afterwards. */
export const messageSchema = z.discriminatedUnion("role", [
  z.object({ role: z.literal("system"), text: z.string() }),
  z.object({ role: z.literal("user"), text: z.string() }),
  z.object({
    role: z.literal("assistant"),
    text: z.string(),
    toolCalls: z.array(toolCallSchema).readonly(),
    carried: carriedSchema.optional(),
  }),
  z.object({ role: z.literal("tool"), callId: z.string(), text: z.string() }),
]);
export type Message = z.infer<typeof messageSchema>;

export type ToolSpec = { name: string; description: string; parameters: Record<string, unknown> };

export type ModelAnswer =
  | { kind: "reply"; reply: Reply }
  /** The transcript is larger than the model can take. */
  | { kind: "too_long"; detail: string }
  /** No reply, and asking again at once is of no use; `retryAt` when the server said when it is. */
  | { kind: "failed"; failure: FailureKind; detail: string; retryAt: Date | null }
  | { kind: "aborted" };

export type Reply = {
  text: string;
  toolCalls: readonly ToolCall[];
  /** `cut`: the length limit ended it. `withheld`: a content filter did. `refused`: the model did. */
  finish: "whole" | "cut" | "withheld" | "refused";
  carried: Carried | null;
  /** Tokens of the request as the server counted them; null when it did not say. */
  inputTokens: number | null;
};

/** One HTTP call: like an answer, or something that another call may get round. */
export type CallResult =
  | ModelAnswer
  /** A trouble of the transport that may pass. */
  | { kind: "passing"; status: number | null; detail: string; retryAfterMs: number | null }
  /** The server does not take the request as it is; `said` are its own words. */
  | { kind: "refused"; status: number; said: string; detail: string; failure: FailureKind };

export type CallOnce = (request: ModelRequest, signal: AbortSignal) => Promise<CallResult>;
