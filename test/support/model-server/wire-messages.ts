import type { Reply, Usage } from "./compose-reply.ts";
import { type Frame, namedEvent, splitText, type WireFormat } from "./frame.ts";
import { asObject } from "./json.ts";
import type { Json } from "./scenario.ts";

/** Anthropic's Messages. Thinking comes only where the request asks for it, as there. */
export const messagesWire: WireFormat = {
  frames(reply, body) {
    const frames: Frame[] = [];
    const add = (type: string, data: Json, part: Frame["part"] = "body") =>
      frames.push({ part, text: namedEvent(type, data) });
    const { usage, ...start } = messageOf(reply);
    const first = usage ? { usage: { ...usage, output_tokens: 1 } } : {};

    add("message_start", { message: { ...start, ...first } });
    for (const [index, block] of contentOf(reply, body).entries()) {
      add("content_block_start", { index, content_block: opened(block) });
      if (index === 0) add("ping", {});
      if (block.type === "tool_use") {
        add("content_block_delta", {
          index,
          delta: { type: "input_json_delta", partial_json: "" },
        });
      }
      const { deltas, part } = deltasOf(reply, block);
      for (const delta of deltas) add("content_block_delta", { index, delta }, part);
      add("content_block_stop", { index });
    }
    const delta = { stop_reason: stopReason(reply), stop_sequence: null };
    add("message_delta", { delta, ...(usage ? { usage } : {}) }, "end");
    add("message_stop", {}, "end");
    return frames;
  },

  whole: (reply, body) => ({
    ...messageOf(reply),
    content: contentOf(reply, body),
    stop_reason: stopReason(reply),
  }),

  failure: (_reply, _body, { code, message }) =>
    namedEvent("error", { error: { type: code ?? "api_error", message } }),
};

function messageOf(reply: Reply): Json & { usage?: Json } {
  return {
    id: `msg_${reply.key}`,
    type: "message",
    role: "assistant",
    model: reply.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    ...(reply.tellsUsage ? { usage: messagesUsage(reply.usage) } : {}),
  };
}

function contentOf({ text, reasoning, calls }: Reply, body: Json): Json[] {
  const thinks = ["enabled", "adaptive"].includes(String(asObject(body.thinking).type));
  const signature = Buffer.from(reasoning).toString("base64");
  return [
    ...(reasoning && thinks ? [{ type: "thinking", thinking: reasoning, signature }] : []),
    ...(text ? [{ type: "text", text }] : []),
    ...calls.map((call) => ({
      type: "tool_use",
      id: call.id,
      name: call.name,
      input: parse(call.arguments),
    })),
  ];
}

function opened(block: Json): Json {
  switch (block.type) {
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" };
    case "text":
      return { type: "text", text: "" };
    default:
      return { ...block, input: {} };
  }
}

function deltasOf(reply: Reply, block: Json): { deltas: Json[]; part: Frame["part"] } {
  switch (block.type) {
    case "thinking": {
      const pieces = splitText(reply.reasoning);
      const deltas = pieces.map((thinking): Json => ({ type: "thinking_delta", thinking }));
      return {
        deltas: [...deltas, { type: "signature_delta", signature: block.signature }],
        part: "body",
      };
    }
    case "text":
      return {
        deltas: splitText(reply.text).map((text) => ({ type: "text_delta", text })),
        part: "body",
      };
    default: {
      const text = reply.calls.find(({ id }) => id === block.id)?.arguments ?? "";
      return {
        deltas: splitText(text).map((partial_json) => ({ type: "input_json_delta", partial_json })),
        part: "arguments",
      };
    }
  }
}

/** Without streaming there is no place for arguments that are no JSON: they come empty. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function stopReason({ finish }: Reply): string {
  return { stop: "end_turn", calls: "tool_use", length: "max_tokens", refusal: "refusal" }[finish];
}

function messagesUsage(usage: Usage): Json {
  return {
    input_tokens: usage.inputTokens - usage.cachedInputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: usage.cachedInputTokens,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    output_tokens: usage.outputTokens,
    service_tier: "standard",
  };
}
