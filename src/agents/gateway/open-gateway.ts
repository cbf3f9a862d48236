import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { PlannedCall } from "../../core/budget/budget.ts";
import type { ModelCall } from "../../core/budget/usage.ts";
import type { FailureKind } from "../../core/task/failure.ts";
import type { AgentRun } from "../agent.ts";
import { forwardCall } from "./forward-call.ts";
import { type CallFailure, judgeFailure } from "./judge-failure.ts";
import { errorBody, type Provider, routes, upstreamUrl } from "./provider.ts";
import { readCall } from "./read-call.ts";
import { readUsage } from "./read-usage.ts";

/**
 * Stands in for the provider in one run of a program: an address on its loopback interface and
 * a key that is valid only there. For each model call this process asks the meter, forwards the
 * call with the real key to the one provider, and counts the usage in the answer. So the program
 * never has the key, the provider does the counting, and the budget binds programs that know
 * nothing of it.
 */
export type Gateway = {
  /** In the form that the provider's clients expect. */
  baseUrl: string;
  key: string;
  /** Aborted when the program cannot continue; `trouble` then says why. */
  stopped: AbortSignal;
  /** The failure of the last call; null if it succeeded. */
  trouble(): CallFailure | null;
  /** Number of model calls received, including refused ones. */
  calls(): number;
  close(): Promise<void>;
};

type GatewayRun = Pick<
  AgentRun,
  "meter" | "expose" | "emit" | "maxTurns" | "modelSilenceMs" | "signal"
>;

const maxBodyBytes = 128 * 1024 * 1024;

export async function openGateway(provider: Provider, run: GatewayRun): Promise<Gateway> {
  const idleMs = run.modelSilenceMs;
  const key = `run-${randomBytes(24).toString("base64url")}`;
  const stop = new AbortController();
  let trouble: CallFailure | null = null;
  let calls = 0;
  let failuresInRow = 0;
  let silencesInRow = 0;
  let last: Promise<void> = Promise.resolve();

  const fail = (failure: CallFailure) => {
    trouble = failure;
    if (failure.isFinal) stop.abort();
  };

  /** Returns why the call may not be made, as a sentence; null if it may. */
  const refuse = async (call: PlannedCall): Promise<string | null> => {
    const spent =
      calls > run.maxTurns ? `used all ${run.maxTurns} turns` : await run.meter.refuse(() => call);
    if (spent !== null) fail(final("out_of_budget", spent));
    return spent;
  };

  const answerError = (
    response: ServerResponse,
    status: number,
    type: string,
    message: string,
  ): void => {
    response
      .writeHead(status, { "content-type": "application/json" })
      .end(errorBody(provider.protocol, type, message));
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://gateway");
    const prefix = provider.protocol === "openai" ? "/v1" : "";
    const route = routes[provider.protocol].find(
      ({ method, path }) => method === request.method && `${prefix}${path}` === url.pathname,
    );
    if (route?.method === "HEAD") return void response.writeHead(200).end();
    if (!isKey(readKey(request), key))
      return answerError(response, 401, "authentication_error", "This is not the key of this run.");
    if (!route)
      return answerError(
        response,
        404,
        "not_found_error",
        `There is no ${request.method} ${url.pathname}.`,
      );
    const body = await readBody(request);
    if (body === null)
      return answerError(response, 413, "request_too_large", "The request is too large.");
    if (!route.isCall) return passOn(route.path + url.search, request, body, response);
    return inTurn(() => sendCall(route.path, url.search, request, body, response));
  };

  /** With a budget, calls run one after the other, because a call's cost is known only after it. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    if (!run.meter.limits) return work();
    const next = last.then(work);
    last = next.catch(() => {}); // the caller handles the error
    return next;
  };

  const passOn = async (
    path: string,
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> => {
    const forwarded = await forwardCall(
      provider,
      `${upstreamUrl(provider)}${path}`,
      request,
      body,
      response,
      { usageOf: () => null, idleMs, signal: run.signal },
    );
    if (forwarded.kind === "refused") forwarded.send();
    else response.end();
  };

  const sendCall = async (
    path: string,
    search: string,
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> => {
    if (response.destroyed) return; // it disconnected while it waited for its turn
    const { maxOutputTokens = null } = run.meter.limits ?? {};
    const call = readCall(provider, path, body, maxOutputTokens);
    calls++;
    const refusal = await refuse(call);
    if (refusal !== null) return answerError(response, 402, "budget_exhausted", refusal);
    run.emit({ kind: "turn", number: calls });
    const startedAt = performance.now();
    let usage: ReturnType<typeof readUsage> | null = null;
    const forwarded = await forwardCall(
      provider,
      `${upstreamUrl(provider)}${path}${search}`,
      request,
      call.body,
      response,
      {
        usageOf: (isStream) => {
          usage = readUsage(isStream);
          return usage;
        },
        idleMs,
        signal: run.signal,
      },
    );
    const used = (usage as ReturnType<typeof readUsage> | null)?.finish() ?? null;
    if (used) {
      const counted: ModelCall = {
        model: used.model ?? call.model,
        tokens: used.tokens,
        latencyMs: Math.round(performance.now() - startedAt),
        costUsd: null,
      };
      run.emit({ kind: "usage", call: counted });
      // Counted before the response ends, so that the program's next call is checked against it.
      await run.meter.count(counted);
    }
    // With usage the call succeeded, even if the program hung up after the last event.
    if (used) {
      trouble = null;
      failuresInRow = 0;
      silencesInRow = 0;
      return void response.end();
    }
    // The program or the run is gone; the provider did not fail.
    if (forwarded.kind === "gone") return;
    failuresInRow++;
    silencesInRow = forwarded.kind === "broken" && forwarded.isSilence ? silencesInRow + 1 : 0;
    const refused = forwarded.kind === "refused" ? forwarded : null;
    fail(
      judgeFailure({
        provider,
        status: refused?.status ?? null,
        retryAfter: refused?.retryAfter ?? null,
        windowResets: refused?.windowResets ?? null,
        body: refused?.body ?? "",
        failuresInRow,
        silence: silencesInRow > 0 ? { ms: idleMs, inRow: silencesInRow } : null,
        now: Date.now(),
      }),
    );
    if (refused) refused.send();
    else if (response.headersSent) response.destroy();
    else
      answerError(
        response,
        502,
        "api_error",
        `No answer: ${forwarded.kind === "broken" ? forwarded.why : "it was cut off"}.`,
      );
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: Error) => {
      fail(final("infrastructure", `the gateway to the model failed: ${error.message}`));
      response.destroy();
    });
  });
  const port = await run.expose(server);
  return {
    baseUrl: `http://127.0.0.1:${port}${provider.protocol === "openai" ? "/v1" : ""}`,
    key,
    stopped: stop.signal,
    trouble: () => trouble,
    calls: () => calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function final(kind: FailureKind, detail: string): CallFailure {
  return { kind, detail, retryAt: null, isFinal: true };
}

function readKey({ headers }: IncomingMessage): string {
  const own = headers["x-api-key"];
  return typeof own === "string" ? own : (headers.authorization ?? "").replace(/^Bearer /, "");
}

function isKey(given: string, key: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(key));
}

async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
