import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Usage } from "./compose-reply.ts";
import type { Fault, Json, Wire } from "./scenario.ts";

/** One request for a reply, as it came and as it was answered. */
export type ModelRequest = {
  wire: Wire;
  headers: IncomingHttpHeaders;
  /** As it came; `{}` with `keepsBodies: false`. */
  body: Json;
  bytes: number;
  model: string;
  /** Names of the tools it offered. */
  tools: readonly string[];
  /** Which role of the scenario answered; null for side requests, and where none takes it. */
  role: string | null;
  /** Which turn of the script it got, from 0. */
  turn: number;
  /** The same for all requests of one conversation. */
  conversation: string;
  fault: Fault["kind"] | null;
  /** When it was here as a whole, by `Date.now()`'s clock with its fractions. */
  at: number;
  /** When the first byte of the answer went out, and when its last; null until then. */
  firstByteAt: number | null;
  /** When a fault let it fall silent in the middle. */
  stalledAt: number | null;
  endedAt: number | null;
  /** Of the answer; null until there is one. */
  status: number | null;
  /** What the client was told that the reply cost; null when it was not told. */
  usage: Usage | null;
};

/** What was told to the clients, in all. */
export type Served = Usage & { calls: number };

export type Records = ReturnType<typeof makeRecords>;

/** The log of a server: what came, what was told, and a signal for who waits for a request. */
export function makeRecords() {
  const requests: ModelRequest[] = [];
  const waiting = new Set<(request: ModelRequest) => void>();
  const tellAll = (request: ModelRequest) => {
    for (const tell of waiting) tell(request);
  };
  return {
    requests,
    add(request: ModelRequest): void {
      requests.push(request);
      tellAll(request);
    },
    mark(request: ModelRequest, moment: "firstByteAt" | "stalledAt" | "endedAt"): void {
      request[moment] = now();
      tellAll(request);
    },
    /** By model. Replies that were cut or did not say their cost count for nothing. */
    sum(fits: (request: ModelRequest) => boolean): Record<string, Served> {
      const sums: Record<string, Served> = {};
      for (const request of requests) {
        const { model, usage } = request;
        if (!usage || !fits(request)) continue;
        const sum = sums[model] ?? { calls: 0, ...noUsage };
        sums[model] = {
          calls: sum.calls + 1,
          inputTokens: sum.inputTokens + usage.inputTokens,
          cachedInputTokens: sum.cachedInputTokens + usage.cachedInputTokens,
          outputTokens: sum.outputTokens + usage.outputTokens,
          reasoningTokens: sum.reasoningTokens + usage.reasoningTokens,
        };
      }
      return sums;
    },
    /** The first request that fits, now or as soon as one comes or gets on. */
    waitFor(fits: (request: ModelRequest) => boolean): Promise<ModelRequest> {
      const found = requests.find(fits);
      if (found) return Promise.resolve(found);
      return new Promise((resolve) => {
        const tell = (request: ModelRequest) => {
          if (!fits(request)) return;
          waiting.delete(tell);
          resolve(request);
        };
        waiting.add(tell);
      });
    },
  };
}

/** A request before anything is known of it. */
export function makeRecord({ headers }: IncomingMessage, wire: Wire, text: string): ModelRequest {
  return {
    wire,
    headers,
    body: {},
    bytes: Buffer.byteLength(text),
    model: "",
    tools: [],
    role: null,
    turn: 0,
    conversation: "",
    fault: null,
    at: now(),
    firstByteAt: null,
    stalledAt: null,
    endedAt: null,
    status: null,
    usage: null,
  };
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

const noUsage: Usage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};
