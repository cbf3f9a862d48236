import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import type {
  Conversation,
  Fault,
  Scenario,
  ScriptedTurn,
  ScriptedUsage,
} from "./scenario-types.ts";
import { streamTurn, writeTurn } from "./stream-turn.ts";

/**
 * A model server that follows a script: real HTTP on loopback in OpenAI's wire format, so that
 * agents for real models work with it unchanged. The demo uses it without an API key, and tests use
 * it for what no real model does on demand.
 */
export type ScriptedModel = {
  /** Ends in `/v1`. */
  baseUrl: string;
  /** Every request to chat/completions, in order of arrival. */
  requests: readonly ScriptedRequest[];
  close(): Promise<void>;
};

export type ScriptedRequest = {
  model: string;
  authorization: string | null;
  messages: readonly WireMessage[];
  tools: readonly string[];
  /** The requested turn of the script, counted from 0. */
  turn: number;
  /** The fault that replaced the reply. */
  fault: Fault["kind"] | null;
  /** Usage as reported to the client; null if there was no complete reply. */
  served: ScriptedUsage | null;
};

const messageSchema = z.looseObject({
  role: z.string(),
  content: z.string().nullish(),
});
export type WireMessage = z.infer<typeof messageSchema>;

const requestSchema = z.looseObject({
  model: z.string(),
  messages: z.array(messageSchema).min(1),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }) })).default([]),
  stream: z.boolean().default(false),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
});

/** Start it on a free port. `apiKey`: the only accepted key; by default any is accepted. */
export async function startScriptedModel(
  scenario: Scenario,
  options: { apiKey?: string } = {},
): Promise<ScriptedModel> {
  const requests: ScriptedRequest[] = [];
  const faultsMet = new Map<string, number>();

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const authorization = request.headers.authorization ?? null;
    if (options.apiKey !== undefined && authorization !== `Bearer ${options.apiKey}`) {
      return sendError(response, 401, "Incorrect API key provided", { code: "invalid_api_key" });
    }
    if (request.method === "GET" && path === "/v1/models") {
      const model = { id: scenario.model, object: "model", created: 0, owned_by: "scripted" };
      return sendJson(response, 200, { object: "list", data: [model] });
    }
    if (request.method !== "POST" || path !== "/v1/chat/completions") {
      return sendError(response, 404, `there is no ${request.method} ${path}`);
    }
    const body = await readBody(request);
    const parsed = requestSchema.safeParse(body);
    if (!parsed.success) return sendError(response, 400, z.prettifyError(parsed.error));
    const { model, messages, stream, stream_options } = parsed.data;
    const tools = parsed.data.tools.map((tool) => tool.function.name);

    const turn = messages.filter((message) => message.role === "assistant").length;
    const script = scenario.choose(readConversation(messages, tools));
    const scripted: ScriptedTurn = script[turn] ?? {
      text: `The script has ${script.length} turns and nothing more to say.`,
    };
    const key = createHash("sha256").update(JSON.stringify(messages)).digest("hex");
    const met = faultsMet.get(key) ?? 0;
    const fault = scripted.faults?.[met] ?? null;
    const usage = scripted.usage ?? countTokens(body, scripted);
    const record: ScriptedRequest = {
      model,
      authorization,
      messages,
      tools,
      turn,
      fault: fault?.kind ?? null,
      served: fault ? null : usage,
    };
    requests.push(record);
    if (scripted.thinkMs) await wait(scripted.thinkMs);
    if (fault) {
      faultsMet.set(key, met + 1);
      if (fault.kind === "status") {
        const { status, message = "scripted trouble", code, headers } = fault;
        return sendError(response, status, message, { code, headers });
      }
      if (fault.kind === "html") {
        response.writeHead(200, { "content-type": "text/html" });
        response.end("<html><body>Please log in.</body></html>");
        return;
      }
    }
    const reply = { id: `chatcmpl-${key.slice(0, 12)}`, model, turn: scripted, usage };
    if (stream) streamTurn(response, reply, fault, stream_options?.include_usage === true);
    else writeTurn(response, reply);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => {
      if (!response.headersSent) sendError(response, 500, error.message);
      else response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function readConversation(messages: readonly WireMessage[], tools: string[]): Conversation {
  const first = (role: string) => messages.find((message) => message.role === role)?.content ?? "";
  return { system: first("system"), brief: first("user"), tools };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return null; // the schema refuses it with a 400
  }
}

/**
 * Plausible numbers if the script gives none: four bytes a token, all but the last message cached.
 */
function countTokens(body: unknown, turn: ScriptedTurn): ScriptedUsage {
  const tokens = (value: unknown) => Math.ceil(Buffer.byteLength(JSON.stringify(value)) / 4);
  const inputTokens = tokens(body);
  const asked = (body as { messages: unknown[] }).messages;
  const cachedInputTokens =
    asked.length > 2 ? Math.min(inputTokens, tokens(asked.slice(0, -1))) : 0;
  return { inputTokens, cachedInputTokens, outputTokens: tokens([turn.text, turn.calls]) };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function sendError(
  response: ServerResponse,
  status: number,
  message: string,
  more: { code?: string | undefined; headers?: Record<string, string> | undefined } = {},
): void {
  for (const [name, value] of Object.entries(more.headers ?? {})) response.setHeader(name, value);
  const error = { message, type: "scripted_error", param: null, code: more.code ?? null };
  sendJson(response, status, { error });
}
