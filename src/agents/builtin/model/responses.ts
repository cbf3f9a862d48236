import { ResponsesReader, toInput, toResponsesTool, toTextFormat } from "./responses-wire.ts";
import type { Wire } from "./wire.ts";

/**
 * The Responses API, streamed. The server stores nothing: the transcript is ours, and the model's
 * reasoning travels in it, encrypted, and is sent back unchanged.
 */
export const responsesWire: Wire = {
  name: "responses",
  send: (client, request, signal) => {
    const { model, messages, tools, outputSchema, toolChoice, maxOutputTokens, without } = request;
    const system = messages.find((message) => message.role === "system");
    return client.responses.create(
      {
        model,
        ...(system ? { instructions: system.text } : {}),
        input: messages.flatMap((message) => toInput(message, model)),
        ...(tools.length > 0 ? { tools: tools.map(toResponsesTool) } : {}),
        ...(toolChoice === "none" && !without.has("tool_choice") ? { tool_choice: "none" } : {}),
        ...(outputSchema && !without.has("output_format")
          ? { text: { format: toTextFormat(outputSchema) } }
          : {}),
        ...(maxOutputTokens && !without.has("max_output")
          ? { max_output_tokens: maxOutputTokens }
          : {}),
        store: false,
        ...(without.has("reasoning") ? {} : { include: ["reasoning.encrypted_content"] }),
        stream: true,
      },
      { signal },
    );
  },
  openReader: (model) => new ResponsesReader(model),
};
