import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import { problemWire } from "../api/daemon.ts";
import { type Lenient, lenient } from "../api/lenient.ts";
import { findDaemon } from "./connection.ts";
import { CliError, type CliIo, type ExitCode, exitCodes } from "./io.ts";

/**
 * The HTTP API for the command line: each refusal of the daemon becomes one sentence and an exit
 * code, and a missing daemon exits with 3. Answers are read leniently, so that an older
 * command line works with a newer daemon.
 */
export class ApiError extends CliError {
  readonly status: number;
  readonly field: string | null;
  readonly line: number | null;

  constructor(status: number, detail: string, where: { field?: string; line?: number } = {}) {
    super(exitCodeOf(status), detail);
    this.status = status;
    this.field = where.field ?? null;
    this.line = where.line ?? null;
  }
}

/** 2 for faults that the caller can fix; a daemon that cannot do its work counts as none. */
function exitCodeOf(status: number): ExitCode {
  return status >= 500 ? exitCodes.noDaemon : exitCodes.usage;
}

/** How long a daemon is asked again that says when to come back. */
const patienceMs = 20_000;

/** A key for a request that is to be sent again if its answer is lost; the user's own, or a new one. */
export function idempotencyHeader(key: string = randomUUID()): Record<string, string> {
  return { "idempotency-key": key };
}

const problemSchema = problemWire.pick({ detail: true, field: true, line: true });

type CallOptions = {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  accept?: string;
};

/** `rest` begins with a slash or is empty. */
export function taskPath(id: string, rest = ""): string {
  return `/v1/tasks/${encodeURIComponent(id)}${rest}`;
}

/** A client for the running daemon. */
export function connect(io: Pick<CliIo, "env">) {
  const { url, token } = findDaemon(io.env);

  /**
   * One request; throws an ApiError for every response that is not 2xx. A daemon that says when to
   * come back (its database restarts) is asked again, if asking twice is asking once.
   */
  async function call(method: string, path: string, options: CallOptions = {}): Promise<Response> {
    const mayRepeat = method === "GET" || options.headers?.["idempotency-key"] !== undefined;
    const patientUntil = Date.now() + patienceMs;
    for (;;) {
      const response = await send(method, path, options);
      if (response.ok) return response;
      const waitS = Number(response.headers.get("retry-after") ?? Number.NaN);
      const isPassing = response.status === 503 && waitS >= 0 && waitS * 1_000 < patienceMs;
      if (!mayRepeat || !isPassing || Date.now() > patientUntil)
        throw await toApiError(response, url);
      await response.body?.cancel();
      await sleep(waitS * 1_000, undefined, options.signal ? { signal: options.signal } : {});
    }
  }

  async function send(method: string, path: string, options: CallOptions): Promise<Response> {
    try {
      return await fetch(url + path, {
        method,
        headers: {
          accept: options.accept ?? "application/json",
          "deputy-client": io.env.DEPUTY_CLIENT === "demo" ? "demo" : "cli",
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...(options.body !== undefined && { "content-type": "application/json" }),
          ...options.headers,
        },
        ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
        // Merging into a large repository takes time, but must not hang forever.
        signal: options.signal ?? AbortSignal.timeout(300_000),
        redirect: "error",
      });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new CliError(
        exitCodes.noDaemon,
        `The daemon at ${url} does not answer (${causeOf(error)}); start it with: deputy up`,
      );
    }
  }

  return {
    call,
    /** The response as raw JSON, for --json, and as the fields of the schema, for people. */
    async json<Schema extends z.ZodType>(
      schema: Schema,
      method: string,
      path: string,
      options: CallOptions = {},
    ): Promise<{ raw: unknown; value: Lenient<Schema> }> {
      const response = await call(method, path, options);
      const raw: unknown = await response.json().catch(() => undefined);
      const parsed = lenient(schema).safeParse(raw);
      if (!parsed.success) throw notDeputy(url, response.status);
      return { raw, value: parsed.data };
    },
    async text(path: string, accept: string): Promise<string> {
      return (await call("GET", path, { accept })).text();
    },
  };
}

async function toApiError(response: Response, url: string): Promise<CliError> {
  const problem = problemSchema.safeParse(await response.json().catch(() => null));
  if (!problem.success) return notDeputy(url, response.status);
  const { detail, field, line } = problem.data;
  return new ApiError(response.status, detail, {
    ...(field !== undefined && { field }),
    ...(line !== undefined && { line }),
  });
}

function notDeputy(url: string, status: number): CliError {
  return new CliError(
    exitCodes.noDaemon,
    `The server at ${url} (status ${status}) is not a Deputy daemon, or is one of another version.`,
  );
}

function causeOf(error: unknown): string {
  const { cause, message, name } = error as Error & { cause?: { code?: string } };
  if (name === "TimeoutError") return "timed out";
  return cause?.code ?? message;
}
