import { ChatReader, toChatMessage, toChatTool, toResponseFormat } from "./chat-wire.ts";
import type { Wire } from "./wire.ts";

/** Chat Completions, streamed: supported by nearly every model server. */
export const chatWire: Wire = {
  name: "chat",
  send: (client, request, signal) => {
    const { model, messages, tools, outputSchema, toolChoice, maxOutputTokens, without } = request;
    return client.chat.completions.create(
      {
        model,
        messages: messages.map((message) => toChatMessage(message, model)),
        ...(tools.length > 0 ? { tools: tools.map(toChatTool) } : {}),
        ...(toolChoice === "none" && !without.has("tool_choice") ? { tool_choice: "none" } : {}),
        ...(outputSchema && !without.has("output_format")
          ? { response_format: toResponseFormat(outputSchema) }
          : {}),
        // The name that nearly every server accepts.
        ...(maxOutputTokens && !without.has("max_output") ? { max_tokens: maxOutputTokens } : {}),
        stream: true,
        ...(without.has("stream_options") ? {} : { stream_options: { include_usage: true } }),
      },
      { signal },
    );
  },
  openReader: (model) => new ChatReader(model),
};
