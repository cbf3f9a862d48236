/**
 * Forges answer slowly at times: a call to one that is away takes a minute and more. So the deliveries
 * of each repository are a lane of their own, which waits for no other. Within one they are processed
 * in order, one at a time.
 */
export type Lanes = {
  /** Starts the lanes that have open deliveries, and waits for none. One that runs is run again. */
  fill(): Promise<void>;
  /** Returns once every lane has ended with the delivery it is at. */
  stop(): Promise<void>;
};

/** At once; more wait for one of them to end. */
const mostAtOnce = 16;

export function makeLanes<Lane>(deps: {
  list: () => Promise<Lane[]>;
  nameOf: (lane: Lane) => string;
  /** One round over the deliveries of a lane. */
  round: (lane: Lane, isStopped: () => boolean) => Promise<void>;
  log: (level: "info" | "warn", fields: object, message: string) => void;
}): Lanes {
  const queued = new Map<string, Lane>();
  const running = new Map<string, Promise<void>>();
  let stopped = false;

  const run = async (name: string, lane: Lane) => {
    try {
      await deps.round(lane, () => stopped);
    } catch (error) {
      // The database is unavailable: stored deliveries will be there in the next round.
      deps.log("warn", { err: error, lane: name }, "could not look into the inbox");
    }
    running.delete(name);
    startNext();
  };
  const startNext = () => {
    for (const [name, lane] of queued) {
      if (running.size >= mostAtOnce) return;
      if (running.has(name)) continue;
      queued.delete(name);
      running.set(name, run(name, lane));
    }
  };
  return {
    async fill() {
      for (const lane of await deps.list()) if (!stopped) queued.set(deps.nameOf(lane), lane);
      startNext();
    },
    async stop() {
      stopped = true;
      queued.clear();
      await Promise.all(running.values());
    },
  };
}
