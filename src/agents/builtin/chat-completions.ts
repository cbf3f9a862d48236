import { ChatReader, toChatMessage, toChatTool, toResponseFormat } from "./chat-wire.ts";
import type { Wire } from "./wire.ts";

/** Chat Completions, streamed: what nearly every model server speaks. */
export const chatWire: Wire = {
  name: "chat",
  send: (client, { model, messages, tools, outputSchema, toolChoice, without }, signal) =>
    client.chat.completions.create(
      {
        model,
        messages: messages.map((message) => toChatMessage(message, model)),
        ...(tools.length > 0 ? { tools: tools.map(toChatTool) } : {}),
        ...(toolChoice === "none" && !without.has("tool_choice") ? { tool_choice: "none" } : {}),
        ...(outputSchema && !without.has("output_format")
          ? { response_format: toResponseFormat(outputSchema) }
          : {}),
        stream: true,
        ...(without.has("stream_options") ? {} : { stream_options: { include_usage: true } }),
      },
      { signal },
    ),
  openReader: (model) => new ChatReader(model),
};
