import { startRunningTimer } from "../../core/base/running-timer.ts";

export type TimeLimit = {
  signal: AbortSignal;
  cause(): "timeout" | "abort" | null;
  /** Releases the timer and the caller's signal. */
  release(): void;
};

/** Combines the caller's signal with a timeout in running time; the first to fire is the cause. */
export function limitTime(signal: AbortSignal, timeoutMs: number): TimeLimit {
  const controller = new AbortController();
  let cause: "timeout" | "abort" | null = null;
  const stop = (why: "timeout" | "abort") => {
    cause ??= why;
    controller.abort();
  };
  const onAbort = () => stop("abort");
  const timer = startRunningTimer(timeoutMs, () => stop("timeout"));
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return {
    signal: controller.signal,
    cause: () => cause,
    release: () => {
      timer.stop();
      signal.removeEventListener("abort", onAbort);
    },
  };
}
