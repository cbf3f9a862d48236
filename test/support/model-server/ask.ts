import type { Json, Wire } from "./scenario.ts";
import type { ModelServer } from "./start.ts";

/** One request as an agent sends it, and its answer as raw as it comes. */
export type Answer = {
  status: number;
  headers: Headers;
  /** What came before the connection broke, if it did. */
  text: string;
  isBroken: boolean;
};

const paths = {
  responses: "/v1/responses",
  chat: "/v1/chat/completions",
  messages: "/v1/messages",
};

/** A bash tool and one message of the user, streaming; `more` goes over it. */
export async function askRaw(
  server: ModelServer,
  wire: Wire,
  more: Json = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(server.origin + paths[wire], {
    method: "POST",
    headers: { authorization: "Bearer sk-right", ...headers },
    body: JSON.stringify({ ...makeBody(wire), ...more }),
  });
  const decoder = new TextDecoder();
  let text = "";
  let isBroken = false;
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch {
    isBroken = true;
  }
  return { status: response.status, headers: response.headers, text, isBroken };
}

function makeBody(wire: Wire): Json {
  const parameters = { type: "object", properties: { command: { type: "string" } } };
  const tool = { name: "bash", description: "Run a command" };
  const base = { model: "scripted", stream: true };
  const messages = [{ role: "user", content: "Fix the test." }];
  switch (wire) {
    case "responses":
      return { ...base, input: messages, tools: [{ type: "function", ...tool, parameters }] };
    case "chat":
      return {
        ...base,
        messages,
        tools: [{ type: "function", function: { ...tool, parameters } }],
        stream_options: { include_usage: true },
      };
    case "messages":
      return {
        ...base,
        max_tokens: 1_000,
        messages,
        tools: [{ ...tool, input_schema: parameters }],
      };
  }
}

/** The data of a stream's events; what is no JSON stays text. */
export function eventsOf({ text }: Answer): Json[] {
  return text
    .split("\n\n")
    .flatMap((event) => /^data: (.*)$/m.exec(event)?.[1] ?? [])
    .map((data) => (data === "[DONE]" ? { done: true } : JSON.parse(data)));
}
