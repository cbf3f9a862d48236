import type { IncomingMessage, ServerResponse } from "node:http";
import { readUntil } from "../../core/base/read-until.ts";
import { startRunningTimer } from "../../core/base/running-timer.ts";
import { authHeaders, type Provider } from "./provider.ts";
import type { UsageReader } from "./read-usage.ts";

/**
 * Forwards one request to the provider: replaces the program's key with the real one, filters
 * headers by allow-lists in both directions, and streams the answer through.
 */
const toProvider = ["content-type", "accept", "anthropic-version", "anthropic-beta", "openai-beta"];
const toProgram =
  /^(?:content-type|retry-after(?:-ms)?|(?:x-)?request-id|(?:anthropic|x)-ratelimit-.*)$/;

const maxErrorBytes = 64 * 1024;

export type Forwarded =
  /** The complete answer was passed through. */
  | { kind: "passed" }
  /** An error answer, not sent yet: `send` passes it on. */
  | {
      kind: "refused";
      status: number;
      retryAfter: string | null;
      windowResets: string | null;
      body: string;
      send(): void;
    }
  /** The program closed the connection, or the run is over. */
  | { kind: "gone" }
  /** No answer, or a broken one; the program may have received part of it. */
  | { kind: "broken"; why: string; isSilence: boolean };

export async function forwardCall(
  provider: Provider,
  url: string,
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
  options: {
    usageOf: (isStream: boolean) => UsageReader | null;
    idleMs: number;
    signal: AbortSignal;
  },
): Promise<Forwarded> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const idle = watchIdle(options.idleMs);
  const signal = AbortSignal.any([gone.signal, idle.signal, options.signal]);
  try {
    const answer = await fetch(url, {
      method: request.method ?? "GET",
      headers: { ...pickHeaders(request), ...authHeaders(provider) },
      ...(body.length > 0 ? { body: new Uint8Array(body) } : {}),
      redirect: "error", // the key must reach only this provider
      signal,
    });
    const headers = Object.fromEntries(
      [...answer.headers].filter(([name]) => toProgram.test(name)),
    );
    if (!answer.ok) {
      const text = (await readSome(answer, signal)).replaceAll(provider.apiKey, "[key]");
      return {
        kind: "refused",
        status: answer.status,
        retryAfter: answer.headers.get("retry-after"),
        windowResets:
          answer.headers.get("anthropic-ratelimit-unified-status") === "rejected"
            ? answer.headers.get("anthropic-ratelimit-unified-reset")
            : null,
        body: text,
        send: () => response.writeHead(answer.status, headers).end(text),
      };
    }
    const isStream = answer.headers.get("content-type")?.includes("event-stream") ?? false;
    const usage = options.usageOf(isStream);
    response.writeHead(answer.status, headers);
    if (answer.body) {
      for await (const chunk of readUntil(answer.body, signal)) {
        idle.touch();
        usage?.add(chunk);
        if (!response.write(chunk)) await drained(response, signal);
      }
      signal.throwIfAborted();
    }
    return { kind: "passed" };
  } catch (error) {
    if (gone.signal.aborted || options.signal.aborted) return { kind: "gone" };
    const isSilence = idle.signal.aborted;
    const why = isSilence
      ? `nothing came for ${Math.round(options.idleMs / 1000)} s`
      : messageOf(error);
    return { kind: "broken", why, isSilence };
  } finally {
    idle.stop();
  }
}

function pickHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    toProvider.flatMap((name) => {
      const value = request.headers[name];
      return typeof value === "string" ? [[name, value]] : [];
    }),
  );
}

async function readSome(answer: Response, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ? readUntil(answer.body, signal) : []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxErrorBytes) break;
  }
  signal.throwIfAborted();
  return Buffer.concat(chunks).subarray(0, maxErrorBytes).toString("utf8");
}

/** Backpressure: a program that stops reading pauses its provider, until it disconnects. */
function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    if (signal.aborted) return resolve();
    response.once("drain", done);
    signal.addEventListener("abort", done, { once: true });
  });
}

function watchIdle(idleMs: number) {
  const controller = new AbortController();
  const timer = startRunningTimer(idleMs, () => controller.abort());
  return {
    signal: controller.signal,
    touch: () => timer.restart(),
    stop: timer.stop,
  };
}

function messageOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: Error };
  return cause?.message ?? message;
}
