import type { OpenAI } from "openai";
import { startRunningTimer } from "../../../core/base/running-timer.ts";
import type { ModelCall } from "../../../core/budget/usage.ts";
import type { CallResult, ModelRequest } from "./model.ts";
import { readModelError, type ServerContext } from "./model-error.ts";
import type { Feature, Wire } from "./wire.ts";

/**
 * One call over one wire. The client of the `openai` package sends and parses, but ends silently on
 * a cut or aborted stream. So the reply is judged here: without a finish reason there is none. The
 * client's own retries are off.
 */
export type StreamCall = {
  client: OpenAI;
  wire: Wire;
  context: ServerContext;
  without: ReadonlySet<Feature>;
  /** How long the server may stay silent before the call counts as lost. */
  idleTimeoutMs: number;
  /** Called for each reply that the server finished, even if it is then discarded. */
  onUsage: (call: ModelCall) => void;
};

/** Maximum length of a reply, arguments included; a longer one is cut and counts as cut. */
const maxReplyChars = 8_000_000;

/** How long to wait, after the finish reason, for the usage and then for the end of the stream. */
const usageTimeoutMs = 5_000;
const closeTimeoutMs = 500;

export async function streamCall(
  { client, wire, context, without, idleTimeoutMs, onUsage }: StreamCall,
  request: ModelRequest,
  signal: AbortSignal,
): Promise<CallResult> {
  if (signal.aborted) return { kind: "aborted" };
  const { model } = context;
  const call = new AbortController();
  const startedAt = performance.now();
  let ended: "idle" | "aborted" | "too_long" | null = null;
  const stop = (why: typeof ended) => {
    ended ??= why;
    call.abort();
  };
  const onAbort = () => stop("aborted");
  signal.addEventListener("abort", onAbort, { once: true });
  const idle = startRunningTimer(idleTimeoutMs, () => stop("idle"));
  let patienceMs = idleTimeoutMs;
  const reader = wire.openReader(model);
  let trouble: CallResult | null = null;
  try {
    const stream = await wire.send(client, { ...request, model, without }, call.signal);
    for await (const event of stream) {
      reader.add(event);
      if (reader.isFinished()) {
        const nextMs = Math.min(patienceMs, reader.usage() ? closeTimeoutMs : usageTimeoutMs);
        if (nextMs < patienceMs) {
          patienceMs = nextMs;
          idle.restart(patienceMs); // the reply is whole: only its usage or its end is pending
        }
      } else idle.restart();
      if (reader.chars() > maxReplyChars) stop("too_long");
    }
  } catch (error) {
    trouble = readModelError(error, context);
  } finally {
    idle.stop();
    signal.removeEventListener("abort", onAbort);
  }
  if (reader.isFinished()) {
    const latencyMs = Math.round(performance.now() - startedAt);
    onUsage({ model, tokens: reader.usage(), latencyMs, costUsd: null });
  }
  if (ended === "aborted") return { kind: "aborted" };
  // A failure after the finish reason does not affect the reply.
  if (reader.isFinished()) return reader.result();
  if (ended === "too_long") return reader.result(true);
  if (ended === "idle") {
    return {
      ...passing(`the model server was silent for ${Math.round(idleTimeoutMs / 1000)} s`),
      isSilence: true,
    };
  }
  return trouble ?? passing("the model's reply ended before it was finished");
}

function passing(detail: string): Extract<CallResult, { kind: "passing" }> {
  return { kind: "passing", status: null, detail, retryAfterMs: null, isSilence: false };
}
