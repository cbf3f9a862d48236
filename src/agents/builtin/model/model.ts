import { z } from "zod";
import type { FailureKind } from "../../../core/task/failure.ts";

/**
 * A model as the loop sees it: takes the transcript and the tools, and returns one whole reply or
 * the reason why there is none. A reply is whole when the server said why it stopped; a partial one
 * is never returned. Provider formats belong in the wires (`chat-completions.ts`, `responses.ts`).
 */
export type Model = (request: ModelRequest, signal: AbortSignal) => Promise<ModelAnswer>;

export type ModelRequest = {
  messages: readonly Message[];
  tools: readonly ToolSpec[];
  /** The final answer must be JSON by this schema. Null: text. */
  outputSchema: Record<string, unknown> | null;
  /** `none`: answer in text; tools are sent only because the transcript names them. */
  toolChoice: "auto" | "none";
  /** Null: the server's maximum. */
  maxOutputTokens?: number | null;
};

/** `arguments` is the model's text as sent; it need not be JSON. */
const toolCallSchema = z.object({ id: z.string(), name: z.string(), arguments: z.string() });
export type ToolCall = z.infer<typeof toolCallSchema>;

/** Data that only the same model understands, mainly reasoning; it is sent back unchanged. */
const carriedSchema = z.object({
  model: z.string(),
  wire: z.enum(["responses", "chat"]),
  items: z.array(z.record(z.string(), z.unknown())),
});
export type Carried = z.infer<typeof carriedSchema>;

/** The transcript is an append-only list of these. */
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
  /** No reply, and an immediate retry is useless; `retryAt` is set if the server named a time. */
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

/** The result of one HTTP call: an answer, or a failure that another call may avoid. */
export type CallResult =
  | ModelAnswer
  /** A transient transport failure. */
  | {
      kind: "passing";
      status: number | null;
      detail: string;
      retryAfterMs: number | null;
      /** The server said nothing for as long as it may. */
      isSilence: boolean;
    }
  /** The server rejects the request as it is; `said` holds its own words. */
  | { kind: "refused"; status: number; said: string; detail: string; failure: FailureKind };

export type CallOnce = (request: ModelRequest, signal: AbortSignal) => Promise<CallResult>;
