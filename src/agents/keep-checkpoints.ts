/**
 * When the worktree of somebody else's agent is kept. Unlike our own loop nobody waits for it: the
 * program goes on, so there is one checkpoint at a time, fast events share one, and what it takes
 * bounds how often it is made. One that fails ends nothing: the next one tries again, and the last
 * one, made when the program has ended, is the caller's to hear of.
 *
 * `keep` answers whether anything had changed.
 */
type Keep = () => Promise<boolean>;

/** For programs that say when they did something. */
export function keepAfterEvents(
  keep: Keep,
  calmMs = 250,
): {
  /** Files may have changed. */
  notice(): void;
  /** No more of them: the last one is made now, and its trouble is the caller's. */
  finish(): Promise<void>;
} {
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<void> | null = null;
  let isDue = false;
  let pauseMs = calmMs;
  const run = async (): Promise<void> => {
    const startedAt = performance.now();
    await keep().catch(() => {}); // the next one tries again
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
 * For programs that say nothing: seldom at first, more seldom while nothing changes. Nothing at all
 * happens before the first pause is over: most programs are done by then. Returns how to stop it,
 * which waits for the one in the making.
 */
export function keepNowAndThen(keep: Keep, firstMs: number): () => Promise<void> {
  let isStopped = false;
  let running: Promise<void> | null = null;
  let pauseMs = firstMs;
  const run = async (): Promise<void> => {
    const startedAt = performance.now();
    const isNew = await keep().catch(() => false); // the next one tries again
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
