import { type InboxDeps, processInbox } from "./process-inbox.ts";

/**
 * Looks into the inbox when it is woken (a delivery was kept) and now and then: for what waits for
 * a subject to become free, and for what a dead process left. One round at a time.
 */
export type InboxRunner = { wake(): void; stop(): Promise<void> };

export function startInboxRunner(deps: InboxDeps, everyMs = 15_000): InboxRunner {
  let running: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  const run = async () => {
    try {
      do {
        again = false;
        await processInbox(deps);
      } while (again && !stopped);
    } catch (error) {
      // The database is away: what was kept is still there at the next look.
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
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
