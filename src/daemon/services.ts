import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "./home/log.ts";

/**
 * The long-lived parts of a process, in the order in which they were started. `stop` stops them in the
 * reverse order; a part that fails or hangs does not keep the others up.
 */
export type Services = {
  /** Add a service that was just started. Services without a `stop` need none. */
  add<S extends Service>(name: string, service: S, options?: { limitMs?: number }): S;
  stop(): Promise<void>;
};

export type Service = { stop?: () => unknown };

/** How long a service may take to stop: whatever it waits for, the process ends. */
const stopLimitMs = 4_000;

export function makeServices(log: Log): Services {
  const started: { name: string; service: Service; limitMs: number }[] = [];
  return {
    add: (name, service, { limitMs = stopLimitMs } = {}) => {
      started.push({ name, service, limitMs });
      return service;
    },
    stop: async () => {
      for (const { name, service, limitMs } of started.splice(0).reverse()) {
        const late = sleep(limitMs, undefined, { ref: false }).then(() => {
          throw new Error(`it did not stop within ${limitMs / 1_000} s`);
        });
        await Promise.race([(async () => service.stop?.())(), late]).catch((error) =>
          log.warn({ err: error, service: name }, "a service did not stop cleanly"),
        );
      }
    },
  };
}
