import { setTimeout as wait } from "node:timers/promises";
import { maxSilences } from "../../agent.ts";
import type { CallOnce, Model } from "./model.ts";

/**
 * The only retry an agent does by itself: it repeats a call after a transient transport failure. A
 * few times, with growing, jittered pauses, or after the wait the server asked for; a server that is
 * silent, which takes minutes to find out, is not asked as often. It does not
 * sleep longer than `maxWaitMs`: the attempt ends, and recovery, which outlives this process,
 * decides when the next one starts.
 */
export type RetryLimits = { maxRetries: number; baseMs: number; maxWaitMs: number };

export const defaultRetryLimits: RetryLimits = { maxRetries: 6, baseMs: 1_000, maxWaitMs: 60_000 };

export function retryCall(
  callOnce: CallOnce,
  limits: RetryLimits,
  onRetry: (sentence: string) => void,
): Model {
  return async (request, signal) => {
    let silences = 0;
    for (let failures = 1; ; failures++) {
      const result = await callOnce(request, signal);
      if (result.kind === "refused") {
        const { failure, detail } = result;
        return { kind: "failed", failure, detail, retryAt: null };
      }
      if (result.kind !== "passing") return result;
      const { status, detail, retryAfterMs } = result;
      const retryAt = retryAfterMs === null ? null : new Date(Date.now() + retryAfterMs);
      if (retryAfterMs !== null && retryAfterMs > limits.maxWaitMs) {
        return {
          kind: "failed",
          failure: status === 429 ? "rate_limit_window" : "model_unavailable",
          detail: `${detail}; it asks to wait ${Math.ceil(retryAfterMs / 1000)} s`,
          retryAt,
        };
      }
      silences = result.isSilence ? silences + 1 : 0;
      if (failures > limits.maxRetries || silences === maxSilences) {
        return {
          kind: "failed",
          failure: "model_unavailable",
          detail: `${detail} (tried ${failures} times)`,
          retryAt,
        };
      }
      const pauseMs = retryAfterMs ?? backoff(failures, limits, Math.random());
      onRetry(`${detail}; next try in ${Math.ceil(pauseMs / 1000)} s`);
      try {
        await wait(pauseMs, undefined, { signal });
      } catch {
        return { kind: "aborted" }; // the only way this wait can fail
      }
    }
  };
}

/** Returns an exponential pause in ms, jittered down to its half. `chance` is in [0, 1). */
export function backoff(failures: number, limits: RetryLimits, chance: number): number {
  const whole = Math.min(limits.maxWaitMs, limits.baseMs * 2 ** (failures - 1));
  return Math.round(whole * (0.5 + chance / 2));
}
