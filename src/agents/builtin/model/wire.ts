import type { OpenAI } from "openai";
import type { Tokens } from "../../../core/budget/usage.ts";
import type { CallResult, ModelRequest } from "./model.ts";

/**
 * One format of a model server: how to send a request and read the streamed reply. Timeouts and
 * errors are handled the same way for all formats, in `stream-call.ts`.
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

/** Features that not every server accepts; a rejected one is left out and the request repeated. */
export type Feature =
  | "stream_options"
  | "output_format"
  | "reasoning"
  | "tool_choice"
  | "max_output";

export type ReplyReader = {
  /** Takes the next event. Like the client, throws an error that the server reports. */
  add(event: unknown): void;
  /** Whether the server has said why the reply ended. */
  isFinished(): boolean;
  usage(): Tokens | null;
  /** Characters received so far, arguments included. */
  chars(): number;
  /** Returns the reply; `cut`: as one that a limit ended. */
  result(cut?: boolean): CallResult;
};
