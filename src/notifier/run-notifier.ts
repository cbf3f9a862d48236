import { nextNotificationDelayMs } from "../store/records/notifications.ts";
import { deliverDueNotifications, type NotifierDeps } from "./deliver-notifications.ts";

/**
 * Sends pushes that are due: when an event wakes it, when the next row is due, and every half minute in
 * case a notification was lost. One round at a time in a process; several processes share the rows.
 */
export type Notifier = {
  /** Look now. */
  wake(): void;
  /** Lets a send under way finish for a moment, then takes it back. */
  stop(): Promise<void>;
};

const idleMs = 30_000;
const leastMs = 250;
const graceMs = 2_000;

export function startNotifier(deps: Omit<NotifierDeps, "signal">): Notifier {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | null = null;
  let again = false;
  let endedAt = 0;
  let stopped = false;

  const round = async (): Promise<number> => {
    try {
      await deliverDueNotifications({ ...deps, signal: abort.signal });
      const next = await nextNotificationDelayMs(deps.db);
      return Math.min(idleMs, Math.max(leastMs, next ?? idleMs));
    } catch (error) {
      // The database is away: the rows wait there, and so do we.
      deps.log("warn", { err: error }, "could not look for notifications");
      return idleMs;
    }
  };
  const run = () => {
    running = (async () => {
      const delayMs = await round();
      endedAt = Date.now();
      running = null;
      const soon = again;
      again = false;
      if (!stopped) timer = setTimeout(run, soon ? leastMs : delayMs);
    })();
  };
  const wake = () => {
    if (stopped) return;
    if (running) {
      again = true;
      return;
    }
    // Every event of every task wakes it: a burst of them is one look.
    clearTimeout(timer);
    timer = setTimeout(run, Math.max(0, endedAt + leastMs - Date.now()));
  };
  wake();
  return {
    wake,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      const patience = setTimeout(() => abort.abort(), graceMs);
      await running;
      clearTimeout(patience);
    },
  };
}
