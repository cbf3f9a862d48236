import type { TaskCounts } from "../../core/page/changes.ts";

/**
 * The numbers of all tasks, for all connections. Counting takes longer the more tasks there are, so it
 * is not done for each event: at once where it can, and never for more than a twentieth of the time.
 */
export function makeCounter(count: () => Promise<TaskCounts>, minMs: number) {
  let last: TaskCounts | null = null;
  let counting: Promise<TaskCounts> | null = null;
  let isStale = true;
  let againAt = 0;
  const countAgain = async (): Promise<TaskCounts> => {
    const begunAt = Date.now();
    isStale = false;
    try {
      last = await count();
      return last;
    } catch (error) {
      isStale = true;
      throw error;
    } finally {
      againAt = Date.now() + Math.max(minMs, 20 * (Date.now() - begunAt));
      counting = null;
    }
  };
  return {
    /** Something happened since. */
    expire: () => {
      isStale = true;
    },
    last: () => last,
    /** As new as may be. */
    now: async (): Promise<TaskCounts> => {
      if (last && (!isStale || Date.now() < againAt)) return last;
      counting ??= countAgain();
      return counting;
    },
    /** Until it may count what it did not yet. */
    dueInMs: (): number => (isStale ? Math.max(0, againAt - Date.now()) : Number.POSITIVE_INFINITY),
  };
}
