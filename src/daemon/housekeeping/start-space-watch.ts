import type { Config } from "../../config/config.ts";
import { notifyOperator } from "../../notifier/notify-operator.ts";
import type { OperatorNews } from "../../notifier/operator-rows.ts";
import type { Database } from "../database.ts";
import type { Log } from "../home/log.ts";
import { foldersOf, type SpaceWatch, watchSpace } from "./watch-space.ts";

/**
 * Watches all volumes that this process writes to. A full or low volume is one line of the log and,
 * from the daemon, one push, which is retried while the volume stays so.
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
  /** Called when a volume becomes low or full; of a low one people are told if that did not help. */
  makeRoom?: (stopping: AbortSignal) => Promise<void>;
  /** Called when all volumes can be written again, and when all have room again. */
  onFree: () => void;
}): SpaceWatch & { stop(): void } {
  const { config, database, log } = options;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const push = async (news: OperatorNews, isOver: () => boolean): Promise<void> => {
    const refused = await notifyOperator(config.notifier, news, stopping.signal);
    if (refused.length === 0 || isOver() || stopping.signal.aborted) return;
    log.warn({ refused }, "could not notify anyone that a volume has no space; trying again");
    clearTimeout(timer); // of an earlier one: what is newer counts
    timer = setTimeout(() => void push(news, isOver), pushAgainMs).unref();
  };
  const makeRoom = async () => {
    try {
      await options.makeRoom?.(stopping.signal);
    } catch (error) {
      if (!stopping.signal.aborted) log.error({ err: error }, "could not make room; trying again");
    }
  };
  const watch = watchSpace({
    minFreeMb: config.minFreeMb,
    places: [
      { path: database.dataDirectory, canWrite: options.canWrite },
      ...foldersOf(config).map((path) => ({ path })),
    ],
    onFull: (problems) => {
      log.error({ problems }, "no space: work that would write there waits");
      void makeRoom();
      const message = problems.join(" ");
      const news = { type: "volume.full", title: "Deputy waits for space", message };
      if (options.pushes) void push(news, () => watch.problems().length === 0);
    },
    onLow: (message) => {
      log.warn({ low: message }, "little space: nothing new starts");
      const news = {
        type: "volume.low",
        title: "Deputy starts nothing new: little space",
        message,
      };
      const isOver = () => watch.low().length === 0;
      const tell = async () => {
        await makeRoom();
        if (options.pushes && !isOver()) await push(news, isOver);
      };
      void tell();
    },
    onFree: (low) => {
      clearTimeout(timer);
      if (low.length > 0) log.warn({ low }, "volumes can be written again, but little is free");
      else log.warn("there is space again; waiting work continues");
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
