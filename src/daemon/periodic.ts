import { setTimeout as sleep } from "node:timers/promises";
import { type Log, logErrors } from "./home/log.ts";

/** Work that runs again and again, one round at a time. */
export type Periodic = {
  /** Run a round now, or once more after the round that is under way. */
  run(): void;
  /** Abort the round that is under way, and wait a moment for its end: it may use the database. */
  stop(): Promise<void>;
};

const roundGraceMs = 2_000;

export function startPeriodic(options: {
  what: string;
  everyMs: number;
  work: (stopping: AbortSignal) => Promise<void>;
  log: Log;
}): Periodic {
  const { what, everyMs, work, log } = options;
  const onFailure = logErrors(log, `${what} failed; it runs again in ${everyMs / 1_000} s`);
  const stopping = new AbortController();
  let running: Promise<void> | null = null;
  let again = false;
  const run = () => {
    again = running !== null;
    if (running || stopping.signal.aborted) return;
    running = work(stopping.signal)
      .catch((error) => {
        // A round that outlives the stop loses its database; the next start does it again.
        if (!stopping.signal.aborted) onFailure(error);
      })
      .finally(() => {
        running = null;
        if (again) run();
      });
  };
  const timer = setInterval(run, everyMs);
  return {
    run,
    stop: async () => {
      clearInterval(timer);
      stopping.abort();
      await Promise.race([running, sleep(roundGraceMs, undefined, { ref: false })]);
    },
  };
}
