import type { ModelCall } from "../../../core/budget/usage.ts";
import type { AgentRun } from "../../agent.ts";
import type { Model } from "./model.ts";
import { openServer, type ServerOptions } from "./open-server.ts";
import { defaultRetryLimits, type RetryLimits, retryCall } from "./retry-call.ts";
import type { Feature } from "./wire.ts";

/** Tokens that a server adds around the request: roles, tools, a format. */
const framing = 2_000;

/**
 * Opens the model for one run: its calls stay within the budget, are counted, and are retried after
 * transient failures. The budget is checked before each HTTP call, and each reply is counted,
 * including unusable ones. Usage is stored while the tools run, always before the next check.
 */
export async function openModel(
  run: AgentRun,
  options: Omit<ServerOptions, "onUsage" | "onRefused"> & {
    retry?: Partial<RetryLimits> | undefined;
  },
  onRetry: (sentence: string) => void,
): Promise<{ model: Model; counted: () => Promise<unknown> }> {
  let counting: Promise<void>[] = [];
  const counted = async () => {
    const these = counting;
    counting = [];
    await Promise.all(these);
  };
  const onUsage = (call: ModelCall) => {
    run.emit({ kind: "usage", call });
    const stored = run.meter.count(call);
    stored.catch(() => {}); // rethrown by `counted`
    counting.push(stored);
  };
  let maxOutputTokens = run.meter.limits?.maxOutputTokens ?? null;
  const onRefused = (feature: Feature) => {
    if (feature === "max_output") maxOutputTokens = null;
  };
  const callOnce = await openServer({ ...options, onUsage, onRefused });
  const model = retryCall(
    async (request, signal) => {
      await counted();
      const refusal = await run.meter.refuse(() => ({
        model: options.model,
        inputTokens: Buffer.byteLength(JSON.stringify(request)) + framing,
        outputTokens: maxOutputTokens ?? Number.POSITIVE_INFINITY,
      }));
      if (refusal !== null) {
        return { kind: "failed", failure: "out_of_budget", detail: refusal, retryAt: null };
      }
      return callOnce({ ...request, maxOutputTokens }, signal);
    },
    { ...defaultRetryLimits, ...options.retry },
    onRetry,
  );
  return { model, counted };
}
