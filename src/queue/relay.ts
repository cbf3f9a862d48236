import { setTimeout as sleep } from "node:timers/promises";
import type { StageJob } from "./open.ts";

/**
 * Moves outbox rows to the queue. The transition wrote them in its own transaction, so a job is sent if
 * and only if the state changed. The relay wakes after each commit that it is notified of, when the next
 * row is due, and every few seconds in case a notification was lost. It serves the first wake at once;
 * under many it pauses between two rounds, so that each round moves more rows.
 */
export type Relay = { wake(): void; stop(): Promise<void> };

export type RelayOptions = {
  /** Take up to `limit` due rows and send them in one transaction. Returns how many there were. */
  drain: (limit: number, send: (jobs: StageJob[]) => Promise<void>) => Promise<number>;
  nextDelayMs: () => Promise<number | null>;
  add: (jobs: StageJob[]) => Promise<void>;
  onError: (error: Error) => void;
};

const batch = 500;
const pollMs = 5_000;
const breathMs = 250;

export function startRelay({ drain, nextDelayMs, add, onError }: RelayOptions): Relay {
  let stopped = false;
  let again = false;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;

  const run = async (): Promise<void> => {
    let delayMs = pollMs;
    try {
      do {
        again = false;
        while (!stopped && (await drain(batch, add)) === batch);
        await sleep(breathMs);
      } while (again && !stopped);
      const next = await nextDelayMs();
      if (next !== null) delayMs = Math.min(pollMs, Math.max(5, next));
    } catch (error) {
      onError(error as Error);
      delayMs = 1_000;
    }
    if (!stopped) timer = setTimeout(wake, delayMs);
  };
  const wake = (): void => {
    if (stopped) return;
    again = true;
    if (running) return;
    clearTimeout(timer);
    running = run().finally(() => {
      running = null;
      // A wake that came while the last delay was being read is served now.
      if (again) wake();
    });
  };
  wake();
  return {
    wake,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
