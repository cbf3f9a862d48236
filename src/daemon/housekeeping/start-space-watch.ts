import type { Config } from "../../config/config.ts";
import { notifyOperator } from "../../notifier/notify-operator.ts";
import type { Database } from "../database.ts";
import type { Log } from "../home/log.ts";
import { foldersOf, type SpaceWatch, watchSpace } from "./watch-space.ts";

/**
 * Watches all volumes that this process writes to. A full volume is one line of the log and, from
 * the daemon, one push, which is retried while the volume stays full.
 */
const pushAgainMs = 60_000;

export function startSpaceWatch(options: {
  config: Config;
  database: Database;
  log: Log;
  /** A small write to the database. */
  canWrite: () => Promise<unknown>;
  /** Whether this process notifies people. */
  pushes: boolean;
  /** Called when all volumes can be written again. */
  onFree: () => void;
}): SpaceWatch & { stop(): void } {
  const { config, database, log } = options;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const push = async (message: string): Promise<void> => {
    const what = { type: "volume.full", title: "Deputy waits for space", message };
    const refused = await notifyOperator(config.notifier, what, stopping.signal);
    if (refused.length === 0 || watch.problems().length === 0 || stopping.signal.aborted) return;
    log.warn({ refused }, "could not notify anyone that a volume is full; trying again");
    timer = setTimeout(() => void push(message), pushAgainMs).unref();
  };
  const watch = watchSpace({
    places: [
      { path: database.dataDirectory, canWrite: options.canWrite },
      ...foldersOf(config).map((path) => ({ path })),
    ],
    onFull: (problems) => {
      log.error({ problems }, "no space: work that would write there waits");
      if (options.pushes) void push(problems.join(" "));
    },
    onFree: () => {
      clearTimeout(timer);
      log.warn("there is space again; waiting work continues");
      options.onFree();
    },
  });
  return {
    ...watch,
    stop: () => {
      clearTimeout(timer);
      stopping.abort();
    },
  };
}
