/**
 * Looks into the inbox when woken (a delivery was stored) and periodically, for deliveries that wait
 * for a busy subject and those that a dead process left. One round at a time. What needs no forge
 * has one of these for itself; that of forges only starts lanes (run-lanes.ts).
 */
export type InboxRunner = {
  wake(): void;
  /** Looks now, and returns when a whole round is over. */
  look(): Promise<void>;
  stop(): Promise<void>;
};

export function startInboxRunner(
  deps: {
    /** One round over the deliveries of every source. */
    round: (isStopped: () => boolean) => Promise<void>;
    log: (level: "info" | "warn", fields: object, message: string) => void;
  },
  everyMs = 15_000,
): InboxRunner {
  let running: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  const run = async () => {
    try {
      do {
        again = false;
        await deps.round(() => stopped);
      } while (again && !stopped);
    } catch (error) {
      // The database is unavailable: stored deliveries will be there in the next round.
      deps.log("warn", { err: error }, "could not look into the inbox");
    }
    running = null;
    if (!stopped) timer = setTimeout(wake, everyMs);
  };
  const wake = () => {
    if (stopped) return;
    again = true;
    clearTimeout(timer);
    running ??= run();
  };
  wake();
  return {
    wake,
    look: async () => {
      wake();
      await running;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
