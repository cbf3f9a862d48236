import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Problem } from "../api/daemon.ts";
import { DeputyError, errorStatus } from "../core/base/error.ts";
import { GarbledRow } from "../store/database/garbled.ts";
import { isDatabaseAway } from "../store/database/outage.ts";

/**
 * Every error is sent as RFC 9457 problem+json with one sentence in `detail`. A DeputyError is for
 * the caller to fix and is sent verbatim; fastify's refusals get a sentence that says what to do.
 * Anything else is internal: logged with the request's id, and answered 500 with only that id.
 */
export type Log = (level: "info" | "warn" | "error", object: object, message: string) => void;

/** Full volumes, and whether an error was caused by one: in sentences. */
export type Space = {
  problems(): readonly string[];
  explain(error: unknown): Promise<string | null>;
};

export function makeProblem(
  status: number,
  code: string,
  detail: string,
  more: Pick<Problem, "field" | "line" | "request_id"> = {},
): Problem {
  const title = STATUS_CODES[status] ?? "Error";
  return { type: "about:blank", title, status, detail, code, ...more };
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  // Serialised here: the route's schemas describe its responses, not its errors.
  return reply
    .code(problem.status)
    .type("application/problem+json")
    .serializer(JSON.stringify)
    .send(problem);
}

/**
 * The problem for an error, or null if it is an internal one. `bodyLimit` is the route's, in bytes,
 * if there is a route.
 */
export function toProblem(error: unknown, bodyLimit?: number): Problem | null {
  if (error instanceof DeputyError) {
    return makeProblem(errorStatus[error.code], error.code, error.message, {
      ...(error.field !== null && { field: error.field }),
      ...(error.line !== null && { line: error.line }),
    });
  }
  if (error instanceof GarbledRow) return makeProblem(500, "unreadable_row", error.message);
  if (isDatabaseAway(error)) {
    const detail = "The database does not answer at the moment; try again.";
    return makeProblem(errorStatus.unavailable, "unavailable", detail);
  }
  const { code, statusCode } = error as Partial<FastifyError>;
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return makeProblem(
        413,
        "too_large",
        bodyLimit === undefined
          ? "The body is larger than this route accepts."
          : `The body is larger than this route accepts: at most ${bodyLimit / 1024 ** 2} MiB.`,
      );
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return makeProblem(
        415,
        "unsupported_media_type",
        "The body must be JSON, sent with Content-Type: application/json.",
      );
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return makeProblem(statusCode, "invalid_input", (error as Error).message);
  }
  return null;
}

/**
 * The problem if a full volume caused the error; a database that is unavailable while a volume is
 * full counts as caused by it.
 */
async function toSpaceProblem(error: unknown, space: Space): Promise<Problem | null> {
  if (error instanceof DeputyError) return null;
  const full = (await space.explain(error)) ?? (isDatabaseAway(error) ? space.problems()[0] : null);
  if (!full) return null;
  return makeProblem(errorStatus.insufficient_storage, "insufficient_storage", full);
}

export function installErrorHandlers(
  app: FastifyInstance,
  log: Log,
  space: Space = { problems: () => [], explain: async () => null },
): void {
  app.setErrorHandler(async (error, request, reply) => {
    const problem =
      (await toSpaceProblem(error, space)) ?? toProblem(error, request.routeOptions.bodyLimit);
    if (problem?.status === 413) await discardBody(request);
    // Only what passes by itself: a missing key or program is a 503 as well.
    if (problem?.status === errorStatus.unavailable && isDatabaseAway(error))
      reply.header("retry-after", "1");
    return sendProblem(reply, problem ?? reportFailure(error, request, log));
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      makeProblem(
        404,
        "not_found",
        `There is no ${request.method} ${request.url.split("?")[0]?.slice(0, 200)}; /openapi.json lists what there is.`,
      ),
    ),
  );
}

/** Log an unexpected error under the request's id and tell the caller nothing more. */
export function reportFailure(
  error: unknown,
  request: Pick<FastifyRequest, "id" | "method" | "url">,
  log: Log,
): Problem {
  log(
    "error",
    { err: error, requestId: request.id, method: request.method, url: withoutToken(request.url) },
    "request failed unexpectedly",
  );
  return makeProblem(
    500,
    "internal",
    `Something went wrong inside the daemon; its log says more under request ${request.id}.`,
    { request_id: request.id },
  );
}

/** The path of an answer page is the right to answer. */
function withoutToken(url: string): string {
  return url.replace(/^\/q\/[^/?]+/, "/q/[token]");
}

/**
 * A client that is still sending does not read: closing at once would reset the connection and lose
 * the response. So the rest of a body that is too large is read and discarded, up to a limit.
 */
async function discardBody({ raw }: FastifyRequest): Promise<void> {
  const maxBytes = 64 * 1024 * 1024;
  let bytes = 0;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, 10_000);
    const finish = () => {
      clearTimeout(timer);
      resolve();
    };
    raw.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) finish();
    });
    raw.once("end", finish);
    raw.once("close", finish);
    if (raw.readableEnded || raw.destroyed) finish();
  });
}

/**
 * A request that is not HTTP, or came too slowly, never reaches a route; node passes the socket
 * here.
 */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const problem =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? makeProblem(408, "timeout", "The request took too long to arrive.")
      : error.code === "HPE_HEADER_OVERFLOW"
        ? makeProblem(431, "too_large", "The headers are too large.")
        : makeProblem(400, "invalid_input", "This is not a valid HTTP request.");
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
