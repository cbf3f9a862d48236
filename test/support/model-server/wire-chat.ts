import type { Reply, Usage } from "./compose-reply.ts";
import { type Frame, nowS, splitText, type WireFormat } from "./frame.ts";
import { asObject } from "./json.ts";
import type { Json } from "./scenario.ts";

/** Chat Completions. Reasoning goes out as `reasoning_content`, as compatible servers do it. */
export const chatWire: WireFormat = {
  frames(reply, body) {
    const frames: Frame[] = [];
    const wantsUsage = asObject(body.stream_options).include_usage === true;
    const head = { ...headOf(reply, "chat.completion.chunk"), system_fingerprint: "fp_scripted" };
    const add = (part: Frame["part"], delta: Json, finish: string | null = null) =>
      frames.push({
        part,
        text: data({
          ...head,
          choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
          ...(wantsUsage ? { usage: null } : {}),
        }),
      });

    add("body", { role: "assistant", content: reply.text ? "" : null, refusal: null });
    for (const piece of splitText(reply.reasoning)) add("body", { reasoning_content: piece });
    for (const piece of splitText(reply.text)) add("body", { content: piece });
    for (const piece of splitText(reply.refusal ?? "")) add("body", { refusal: piece });
    for (const [index, call] of toolCalls(reply).entries()) {
      const { name, arguments: text } = call.function;
      add("body", { tool_calls: [{ index, ...call, function: { name, arguments: "" } }] });
      for (const piece of splitText(text)) {
        add("arguments", { tool_calls: [{ index, function: { arguments: piece } }] });
      }
    }
    add("end", {}, finishReason(reply));
    if (wantsUsage && reply.tellsUsage) {
      frames.push({
        part: "end",
        text: data({ ...head, choices: [], usage: chatUsage(reply.usage) }),
      });
    }
    frames.push({ part: "end", text: "data: [DONE]\n\n" });
    return frames;
  },

  whole(reply) {
    const calls = toolCalls(reply);
    const message = {
      role: "assistant",
      content: reply.text || null,
      refusal: reply.refusal,
      ...(reply.reasoning ? { reasoning_content: reply.reasoning } : {}),
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    };
    return {
      ...headOf(reply, "chat.completion"),
      choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(reply) }],
      ...(reply.tellsUsage ? { usage: chatUsage(reply.usage) } : {}),
    };
  },

  failure: (_reply, _body, { code, message }) =>
    data({ error: { message, type: "server_error", param: null, code: code ?? "server_error" } }),
};

function headOf({ key, model }: Reply, object: string): Json {
  return { id: `chatcmpl-${key}`, object, created: nowS(), model, service_tier: "default" };
}

function toolCalls({ calls }: Reply) {
  return calls.map(({ id, name, arguments: text }) => ({
    id,
    type: "function",
    function: { name, arguments: text },
  }));
}

function finishReason({ finish }: Reply): string {
  return { stop: "stop", calls: "tool_calls", length: "length", refusal: "stop" }[finish];
}

function chatUsage(usage: Usage): Json {
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: usage.inputTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedInputTokens, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens, audio_tokens: 0 },
  };
}

function data(value: Json): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
