import { setTimeout as sleep } from "node:timers/promises";

/**
 * Follows a server for as long as the daemon lives. What keeps it from that is told, and told to be over;
 * the pause before the next try grows, and has chance in it, so that not all who lost a server come back
 * at once. A server that refuses is asked every few minutes.
 */
export type Pauses = { firstMs: number; mostMs: number; refusedMs: number };
export const defaultPauses: Pauses = { firstMs: 1_000, mostMs: 5 * 60_000, refusedMs: 5 * 60_000 };

export type Following = { stop(): Promise<void> };

export function keepFollowing(options: {
  /**
   * Until the server ends it, or its signal does; `heard` says that the server answers. Returns how long
   * to wait before it is called again, in milliseconds.
   */
  follow: (signal: AbortSignal, heard: () => void) => Promise<number>;
  /** Null: it is over. */
  onTrouble: (error: unknown) => void;
  /** Whether the server refuses, for a reason that only a person ends. */
  isRefused: (error: unknown) => boolean;
  pauses: Pauses;
  /** Besides `stop`. */
  until?: AbortSignal;
}): Following {
  const { firstMs, mostMs, refusedMs } = options.pauses;
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, ...(options.until ? [options.until] : [])]);
  let failures = 0;
  const heard = () => {
    if (failures > 0) options.onTrouble(null);
    failures = 0;
  };
  const run = async () => {
    while (!signal.aborted) {
      try {
        await pause(await options.follow(signal, heard), signal);
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        options.onTrouble(error);
        const grownMs = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 20));
        const fullMs = options.isRefused(error) ? refusedMs : grownMs;
        await pause(fullMs / 2 + (fullMs / 2) * Math.random(), signal);
      }
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {}); // stopped
}
