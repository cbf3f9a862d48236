/**
 * Takes a snapshot of a worktree at regular times while its agent runs, whatever the agent tells of
 * itself. One at a time, and after a slow one the pause is four times as long as it took. One that
 * fails ends nothing: it is told once, and made up for by the next one.
 */
export type RegularSnapshots = {
  everyMs: number;
  take: () => Promise<unknown>;
  onError: (error: Error) => void;
};

/** Returns a function that stops it and waits for a running one. */
export function snapshotRegularly({ everyMs, take, onError }: RegularSnapshots) {
  let isStopped = false;
  let isTold = false;
  let running: Promise<void> | null = null;
  const run = async (): Promise<void> => {
    const startedAt = performance.now();
    try {
      await take();
      isTold = false;
    } catch (error) {
      if (!isTold) onError(error as Error);
      isTold = true;
    }
    wait(Math.max(everyMs, 4 * (performance.now() - startedAt)));
  };
  let timer: NodeJS.Timeout | undefined;
  const wait = (ms: number) => {
    if (isStopped) return;
    timer = setTimeout(() => {
      running = run();
    }, ms).unref();
  };
  wait(everyMs);
  return async (): Promise<void> => {
    isStopped = true;
    clearTimeout(timer);
    await running;
  };
}
