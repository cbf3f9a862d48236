import type { OpenAI } from "openai";
import { strictSchema } from "../output-schema.ts";
import type { CallResult, Carried, Message, ModelRequest, ToolSpec } from "./model.ts";
import type { ReplyReader } from "./wire.ts";

/** Converts the transcript and the tools to Chat Completions, and a reply's chunks back. */

export function toChatMessage(message: Message, model: string): OpenAI.ChatCompletionMessageParam {
  switch (message.role) {
    case "system":
      return { role: "system", content: message.text };
    case "user":
      return { role: "user", content: message.text };
    case "tool":
      return { role: "tool", tool_call_id: message.callId, content: message.text };
    case "assistant": {
      const { text, toolCalls, carried } = message;
      if (toolCalls.length === 0) return { role: "assistant", content: text };
      return {
        role: "assistant",
        content: text || null,
        tool_calls: toolCalls.map(({ id, name, arguments: args }) => ({
          id,
          type: "function",
          function: { name, arguments: args },
        })),
        ...(carried?.wire === "chat" && carried.model === model ? carried.items[0] : {}),
      };
    }
  }
}

export function toChatTool({ name, description, parameters }: ToolSpec) {
  return { type: "function" as const, function: { name, description, parameters } };
}

export function toResponseFormat(schema: NonNullable<ModelRequest["outputSchema"]>) {
  const strict = strictSchema(schema);
  return {
    type: "json_schema" as const,
    json_schema: { name: "answer", schema: strict ?? schema, strict: strict !== null },
  };
}

/** Non-standard reasoning fields, which servers expect back with the tool calls. */
type Delta = OpenAI.ChatCompletionChunk.Choice.Delta & {
  reasoning_content?: unknown;
  reasoning_details?: unknown;
};

/** Assembles the chunks of one reply. */
export class ChatReader implements ReplyReader {
  private readonly model: string;
  private finish: string | null = null;
  private tokens: ReturnType<ReplyReader["usage"]> = null;
  private said = 0;
  private text = "";
  private refusal = "";
  private thoughts = "";
  private readonly thoughtDetails: unknown[] = [];
  private readonly calls: { index: number; id: string; name: string; arguments: string }[] = [];

  constructor(model: string) {
    this.model = model;
  }

  add(event: unknown): void {
    const chunk = event as OpenAI.ChatCompletionChunk;
    if (chunk.usage) {
      this.tokens = {
        inputTokens: chunk.usage.prompt_tokens ?? 0,
        cachedInputTokens: chunk.usage.prompt_tokens_details?.cached_tokens ?? 0,
        outputTokens: chunk.usage.completion_tokens ?? 0,
        reasoningTokens: chunk.usage.completion_tokens_details?.reasoning_tokens ?? 0,
      };
    }
    const choice = chunk.choices?.[0];
    if (!choice) return;
    this.finish = choice.finish_reason ?? this.finish;
    const delta = choice.delta as Delta | undefined;
    this.text += delta?.content ?? "";
    this.refusal += delta?.refusal ?? "";
    this.said += (delta?.content ?? delta?.refusal ?? "").length;
    if (typeof delta?.reasoning_content === "string") this.thoughts += delta.reasoning_content;
    if (Array.isArray(delta?.reasoning_details)) {
      this.thoughtDetails.push(...delta.reasoning_details);
    }
    for (const part of delta?.tool_calls ?? []) this.addCall(part);
  }

  private addCall(part: OpenAI.ChatCompletionChunk.Choice.Delta.ToolCall): void {
    const index = part.index ?? 0;
    let call = this.calls.findLast((candidate) => candidate.index === index);
    // Some servers give every call the index 0, so a new id starts a new call.
    if (!call || (part.id && call.id && part.id !== call.id)) {
      call = { index, id: "", name: "", arguments: "" };
      this.calls.push(call);
    }
    call.id ||= part.id ?? "";
    call.name ||= part.function?.name ?? "";
    call.arguments += part.function?.arguments ?? "";
    this.said += part.function?.arguments?.length ?? 0;
  }

  isFinished(): boolean {
    return this.finish !== null;
  }

  usage() {
    return this.tokens;
  }

  chars(): number {
    return this.said;
  }

  result(cut = false): CallResult {
    const { finish, refusal, tokens } = this;
    return {
      kind: "reply",
      reply: {
        text: this.text || refusal,
        toolCalls: this.calls.map(({ index: _, ...call }) => call),
        finish:
          cut || finish === "length"
            ? "cut"
            : finish === "content_filter"
              ? "withheld"
              : refusal !== "" && this.text === "" && this.calls.length === 0
                ? "refused"
                : "whole",
        carried: this.carried(),
        inputTokens: tokens?.inputTokens ?? null,
      },
    };
  }

  private carried(): Carried | null {
    const fields = {
      ...(this.thoughts ? { reasoning_content: this.thoughts } : {}),
      ...(this.thoughtDetails.length > 0 ? { reasoning_details: this.thoughtDetails } : {}),
    };
    if (Object.keys(fields).length === 0) return null;
    return { wire: "chat", model: this.model, items: [fields] };
  }
}
