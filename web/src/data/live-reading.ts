/**
 * A reading that the stream repeats. One runs at a time: what changes meanwhile is read once more
 * after it, so that a slow answer arrives however much happens. After one that was lost (the daemon
 * did not answer, or could not) any sign of life is a reason to read again.
 */
export type Outcome = "done" | "lost";

export type LiveReading = {
  /** Reads now, or once more after the reading that runs. */
  again(): void;
  /** The daemon was heard: it is read soon if that `concerns` it, or if the last reading was lost. */
  heard(concerns: boolean): void;
  /** Ends the reading that runs; none starts after it. */
  stop(): void;
};

/** A reading that takes longer is lost: its connection may be dead, as after a device slept. */
const longestMs = 120_000;

export function startLiveReading(
  readOnce: (signal: AbortSignal) => Promise<Outcome>,
  /** What is heard in so short a time is one reading. */
  coalesceMs: number,
): LiveReading {
  let running: AbortController | null = null;
  let isWanted = false;
  let isLost = false;
  let isStopped = false;
  let waiting: ReturnType<typeof setTimeout> | undefined;

  async function run() {
    while (isWanted && !isStopped) {
      isWanted = false;
      const own = new AbortController();
      running = own;
      const tooLong = setTimeout(
        () => own.abort(new DOMException("It took too long.", "TimeoutError")),
        longestMs,
      );
      isLost = (await readOnce(own.signal)) === "lost";
      clearTimeout(tooLong);
    }
    running = null;
  }
  const again = () => {
    clearTimeout(waiting);
    waiting = undefined;
    isWanted = true;
    if (running === null) void run();
  };
  return {
    again,
    heard: (concerns) => {
      if (!isStopped && (concerns || isLost)) waiting ??= setTimeout(again, coalesceMs);
    },
    stop: () => {
      isStopped = true;
      clearTimeout(waiting);
      running?.abort();
    },
  };
}
