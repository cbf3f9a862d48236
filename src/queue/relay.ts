import { setTimeout as sleep } from "node:timers/promises";
import type { Ring } from "./open.ts";

/**
 * Moves outbox rows to the queue: the transition wrote them in its own transaction, so the bell is
 * rung if and only if the state changed. Poked after every commit it hears of, and by itself every
 * few seconds for those it did not. Sleeps exactly until the next row is due. A first poke is served
 * at once; in a storm of them it draws breath between two rounds and takes more with each.
 */
export type Relay = { poke(): void; stop(): Promise<void> };

export type RelayOptions = {
  /** Take up to `limit` due rows and send them in one transaction. Returns how many there were. */
  drain: (limit: number, send: (rings: Ring[]) => Promise<void>) => Promise<number>;
  nextDelayMs: () => Promise<number | null>;
  ring: (rings: Ring[]) => Promise<void>;
  onError: (error: Error) => void;
};

const batch = 500;
const pollMs = 5_000;
const breathMs = 250;

export function startRelay({ drain, nextDelayMs, ring, onError }: RelayOptions): Relay {
  let stopped = false;
  let again = false;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;

  const run = async (): Promise<void> => {
    let delayMs = pollMs;
    try {
      do {
        again = false;
        while (!stopped && (await drain(batch, ring)) === batch);
        await sleep(breathMs);
      } while (again && !stopped);
      const next = await nextDelayMs();
      if (next !== null) delayMs = Math.min(pollMs, Math.max(5, next));
    } catch (error) {
      onError(error as Error);
      delayMs = 1_000;
    }
    if (!stopped) timer = setTimeout(poke, delayMs);
  };
  const poke = (): void => {
    if (stopped) return;
    again = true;
    if (running) return;
    clearTimeout(timer);
    running = run().finally(() => {
      running = null;
      // A poke that came while the last delay was being read is served now.
      if (again) poke();
    });
  };
  poke();
  return {
    poke,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
