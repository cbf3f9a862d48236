import type { OpenAI } from "openai";
import type { CallResult, CallUsage, Message, ToolCall, ToolSpec } from "./model.ts";

/** The transcript and the tools in the words of Chat Completions, and a reply's chunks out of them. */

export function toWireMessage(message: Message): OpenAI.ChatCompletionMessageParam {
  switch (message.role) {
    case "system":
      return { role: "system", content: message.text };
    case "user":
      return { role: "user", content: message.text };
    case "tool":
      return { role: "tool", tool_call_id: message.callId, content: message.text };
    case "assistant":
      return message.toolCalls.length === 0
        ? { role: "assistant", content: message.text }
        : {
            role: "assistant",
            content: message.text || null,
            tool_calls: message.toolCalls.map(({ id, name, arguments: text }) => ({
              id,
              type: "function",
              function: { name, arguments: text },
            })),
          };
  }
}

export function toWireTool({ name, description, parameters }: ToolSpec) {
  return { type: "function" as const, function: { name, description, parameters } };
}

/** Puts the chunks of one reply together. */
export class ReplyReader {
  finish: string | null = null;
  usage: CallUsage = null;
  chars = 0;
  private text = "";
  private readonly calls: { index: number; id: string; name: string; arguments: string }[] = [];

  add(chunk: OpenAI.ChatCompletionChunk): void {
    if (chunk.usage) {
      this.usage = {
        inputTokens: chunk.usage.prompt_tokens ?? 0,
        cachedInputTokens: chunk.usage.prompt_tokens_details?.cached_tokens ?? 0,
        outputTokens: chunk.usage.completion_tokens ?? 0,
        reasoningTokens: chunk.usage.completion_tokens_details?.reasoning_tokens ?? 0,
      };
    }
    const choice = chunk.choices?.[0];
    if (!choice) return;
    this.finish = choice.finish_reason ?? this.finish;
    const said = choice.delta?.content ?? choice.delta?.refusal ?? "";
    this.text += said;
    this.chars += said.length;
    for (const delta of choice.delta?.tool_calls ?? []) {
      const index = delta.index ?? 0;
      let call = this.calls.findLast((candidate) => candidate.index === index);
      // Some servers give every call the index 0: another id is another call.
      if (!call || (delta.id && call.id && delta.id !== call.id)) {
        call = { index, id: "", name: "", arguments: "" };
        this.calls.push(call);
      }
      call.id ||= delta.id ?? "";
      call.name ||= delta.function?.name ?? "";
      call.arguments += delta.function?.arguments ?? "";
      this.chars += delta.function?.arguments?.length ?? 0;
    }
  }

  result(finish = this.finish): CallResult {
    const toolCalls: ToolCall[] = this.calls.map(({ id, name, arguments: text }) => ({
      id,
      name,
      arguments: text,
    }));
    return {
      kind: "reply",
      reply: {
        text: this.text,
        toolCalls,
        finish: finish === "length" ? "cut" : finish === "content_filter" ? "withheld" : "whole",
      },
    };
  }
}
