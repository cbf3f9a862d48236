import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { makeAnswerRequest } from "./answer-request.ts";
import { errorAnswer } from "./error-answer.ts";
import { makeGate } from "./gate.ts";
import { countTokens } from "./json.ts";
import { listModels } from "./list-models.ts";
import { type ModelRequest, makeRecord, makeRecords, type Served } from "./records.ts";
import { wrongKey } from "./refusals.ts";
import type { Scenario, Wire } from "./scenario.ts";
import { sendError, sendJson } from "./send-json.ts";

/**
 * A model server that follows a script: real HTTP on loopback in three wire formats, so that our own
 * agent and everybody else's talk to it as to the real thing. A request is read into the same words
 * whatever its wire (`read-request`), the scenario says what comes (`choose-turn`), that becomes a
 * reply in the asker's own tools (`compose-reply`), and the wire streams it (`send-reply`).
 */
export type ModelServer = {
  /** Ends in `/v1`: what OpenAI's clients take. */
  url: string;
  /** Without it: what Anthropic's take. */
  origin: string;
  port: number;
  /** Every request for a reply, in order of arrival. */
  requests: readonly ModelRequest[];
  /** By model: what the clients were told that their replies cost. */
  readonly served: Readonly<Record<string, Served>>;
  /** The same for the requests that fit: those of one role, of one conversation. */
  servedFor(fits: (request: ModelRequest) => boolean): Readonly<Record<string, Served>>;
  /** The first request that fits, now or as soon as one comes, is answered, stalls or ends. */
  waitForRequest(fits: (request: ModelRequest) => boolean): Promise<ModelRequest>;
  /** Keep the replies back, from now on; they are on record already. */
  hold(fits?: (request: ModelRequest) => boolean): void;
  /** Let go what is held or stalled, and hold nothing more. */
  release(): void;
  close(): Promise<void>;
};

export type ModelServerOptions = {
  scenario: Scenario;
  /** The only keys that are let in; without it any is. */
  apiKey?: string | readonly string[];
  /** Default: a free one. */
  port?: number;
  /** False for long runs: the bodies are not remembered. */
  keepsBodies?: boolean;
};

const wireOf: Readonly<Record<string, Wire>> = {
  "/v1/responses": "responses",
  "/v1/chat/completions": "chat",
  "/v1/messages": "messages",
};

export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const { scenario, keepsBodies = true } = options;
  const keys = options.apiKey === undefined ? null : [options.apiKey].flat();
  const records = makeRecords();
  const gate = makeGate();
  const answerRequest = makeAnswerRequest(scenario, { records, gate, keepsBodies });

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const text = await readText(request);
    const wire = wireOf[path];
    const speaks = wire ?? (request.headers["anthropic-version"] ? "messages" : "chat");
    if (request.method === "HEAD") {
      response.writeHead(200).end(); // how claude looks whether somebody is there
      return;
    }
    if (keys !== null && !keys.includes(readKey(request))) {
      const refusal = wrongKey(speaks);
      if (wire) records.add({ ...makeRecord(request, wire, text), status: refusal.status });
      return sendError(response, refusal);
    }
    if (request.method === "GET" && path === "/v1/models") {
      return sendJson(response, 200, listModels(scenario.models ?? ["scripted"], speaks));
    }
    if (request.method === "POST" && path === "/v1/messages/count_tokens") {
      return sendJson(response, 200, { input_tokens: countTokens(text) });
    }
    const isLacking = wire === "responses" && scenario.lacks?.includes("responses");
    if (request.method !== "POST" || !wire || isLacking) {
      const message = `there is no ${request.method} ${path}`;
      return sendError(response, errorAnswer(speaks, 404, { type: "not_found_error", message }));
    }
    await answerRequest(request, response, wire, text);
  };

  const server = createServer((request, response) => {
    route(request, response).catch((error: Error) => {
      if (response.headersSent) response.destroy();
      else sendError(response, errorAnswer("chat", 500, { type: "bug", message: error.message }));
    });
  });
  // Agents keep connections for longer than the usual 5 s.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    origin: `http://127.0.0.1:${port}`,
    port,
    requests: records.requests,
    get served() {
      return records.sum(() => true);
    },
    servedFor: records.sum,
    waitForRequest: records.waitFor,
    hold: gate.hold,
    release: gate.release,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function readKey({ headers }: IncomingMessage): string {
  const own = headers["x-api-key"];
  return typeof own === "string" ? own : (headers.authorization ?? "").replace(/^Bearer /, "");
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
