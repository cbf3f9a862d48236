import { nextNotificationDelayMs, reconsiderHeld } from "../store/pushes/notifications.ts";
import { deliverDueNotifications, type NotifierDeps } from "./deliver-notifications.ts";

/**
 * Sends due notifications: when an event wakes it, when the next row is due, and every half minute
 * in case a wake-up was lost. One round at a time per process; several processes share the rows.
 */
export type Notifier = {
  /** Look for due rows now. */
  wake(): void;
  /** Gives a send in progress a short grace period, then aborts it. */
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

  let isStarted = false;
  const round = async (): Promise<number> => {
    try {
      if (!isStarted) await reconsiderHeld(deps.db);
      isStarted = true;
      await deliverDueNotifications({ ...deps, signal: abort.signal });
      const next = await nextNotificationDelayMs(deps.db);
      return Math.min(idleMs, Math.max(leastMs, next ?? idleMs));
    } catch (error) {
      // The database is unavailable: the rows are kept there, so try again later.
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
    // Every event of every task wakes it; a burst is debounced into one round.
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
