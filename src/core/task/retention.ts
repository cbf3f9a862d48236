/**
 * What has been kept long enough of a task that is over. Pure, so that it can be tested without
 * losing anything: a mistake here could not be undone. Time counts from the task's end, which a
 * retry takes back, and for a snapshot from the removal of its worktree.
 */
export type KeptTask = {
  id: string;
  endedAt: Date | null;
  /** When its records were removed; earlier than `endedAt` if it was reopened since. */
  prunedAt: Date | null;
  worktrees: readonly KeptWorktree[];
};

export type KeptWorktree = {
  id: string;
  state: "active" | "removed";
  lastUsedAt: Date;
  removedAt: Date | null;
  snapshotRef: string | null;
};

export type Due = {
  /** Logs, events, transcripts and the attempts' snapshots. */
  records: boolean;
  /** Ids of worktrees to remove now, each leaving a snapshot that is kept as long again. */
  worktrees: string[];
  /** Ids of worktrees whose snapshots are deleted. */
  snapshots: string[];
};

/**
 * Minimum memory of repeated requests, however short the retention: GitHub redelivers what it
 * delivered within the last three days, and a caller's script may run again weeks later.
 */
const shortestMemoryDays = 30;

/** Requests that ended before this may be forgotten; a repetition is no longer recognised. */
export function chooseForgettable(retentionDays: number, now: Date): Date {
  const days = Math.max(retentionDays, shortestMemoryDays);
  return new Date(now.getTime() - days * 24 * 60 * 60_000);
}

/** `before`: work that ended earlier has been kept long enough. */
export function choosePrunable(task: KeptTask, before: Date): Due {
  const isOld = (at: Date | null) => at !== null && at < before;
  if (task.endedAt === null || !isOld(task.endedAt)) {
    return { records: false, worktrees: [], snapshots: [] };
  }
  return {
    records: task.prunedAt === null || task.prunedAt < task.endedAt,
    worktrees: task.worktrees
      .filter(({ state, lastUsedAt }) => state === "active" && isOld(lastUsedAt))
      .map(({ id }) => id),
    snapshots: task.worktrees
      .filter(
        ({ state, snapshotRef, removedAt }) =>
          state === "removed" && snapshotRef !== null && isOld(removedAt),
      )
      .map(({ id }) => id),
  };
}
