/**
 * Decides when to keep the worktree of a third-party agent. The program does not wait for it, so
 * there is one checkpoint at a time, fast events share one, and the pause grows with a checkpoint's
 * duration. A failed checkpoint is retried at the next one; the last one, after the program's end,
 * reports its error to the caller.
 *
 * `keep` returns whether anything had changed.
 */
type Keep = () => Promise<boolean>;

/** For programs that report their events. */
export function keepAfterEvents(
  keep: Keep,
  calmMs = 250,
): {
  /** Call when files may have changed. */
  notice(): void;
  /** No more events: makes the last checkpoint now, and rejects if it fails. */
  finish(): Promise<void>;
} {
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<void> | null = null;
  let isDue = false;
  let pauseMs = calmMs;
  const run = async (): Promise<void> => {
    const startedAt = performance.now();
    await keep().catch(() => {}); // retried at the next one
    pauseMs = Math.max(calmMs, 4 * (performance.now() - startedAt));
    running = null;
    if (isDue) notice();
  };
  const notice = () => {
    isDue = running !== null;
    if (running) return;
    timer ??= setTimeout(() => {
      timer = null;
      running = run();
    }, pauseMs);
  };
  return {
    notice,
    finish: async () => {
      await running;
      if (timer) clearTimeout(timer);
      await keep();
    },
  };
}

/**
 * For programs that report nothing: the pause grows while nothing changes. The first checkpoint
 * comes after `firstMs`, because most programs are done by then. Returns a function that stops it
 * and waits for a running checkpoint.
 */
export function keepNowAndThen(keep: Keep, firstMs: number): () => Promise<void> {
  let isStopped = false;
  let running: Promise<void> | null = null;
  let pauseMs = firstMs;
  const run = async (): Promise<void> => {
    const startedAt = performance.now();
    const isNew = await keep().catch(() => false); // retried at the next one
    const longestMs = 8 * firstMs;
    const tookMs = performance.now() - startedAt;
    pauseMs = Math.max(isNew ? firstMs : Math.min(longestMs, 2 * pauseMs), 20 * tookMs);
    if (!isStopped) timer = setTimeout(begin, pauseMs);
  };
  const begin = () => {
    running = run();
  };
  let timer = setTimeout(begin, firstMs);
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await running;
  };
}
