import type { OpenAI } from "openai";
import type { Tokens } from "../../core/usage.ts";
import type { CallResult, ModelRequest } from "./model.ts";

/**
 * One of the formats in which a model server is spoken to: how a request is sent, and how a reply is
 * read out of what is streamed back. When to give up, and what an error means, is the same for all:
 * `stream-call.ts`.
 */
export type Wire = {
  name: WireName;
  send(
    client: OpenAI,
    request: ModelRequest & { model: string; without: ReadonlySet<Feature> },
    signal: AbortSignal,
  ): Promise<AsyncIterable<unknown>>;
  openReader(model: string): ReplyReader;
};

export type WireName = "responses" | "chat";

/** What not every server takes; one that refuses it is asked again without. */
export type Feature =
  | "stream_options"
  | "output_format"
  | "reasoning"
  | "tool_choice"
  | "max_output";

export type ReplyReader = {
  /** Takes the next event. Throws, like the client, what the server reports as an error. */
  add(event: unknown): void;
  /** Whether the server has said why the reply ended. */
  isFinished(): boolean;
  usage(): Tokens | null;
  /** So much was said so far, arguments included. */
  chars(): number;
  /** The reply; with `cut` as one that a limit ended. */
  result(cut?: boolean): CallResult;
};
