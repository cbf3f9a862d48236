import type { ServerResponse } from "node:http";
import type { ErrorAnswer } from "./error-answer.ts";
import type { Json } from "./scenario.ts";

export function sendJson(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

export function sendError(response: ServerResponse, { status, headers, body }: ErrorAnswer): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  sendJson(response, status, body);
}
