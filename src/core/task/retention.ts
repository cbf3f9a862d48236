/**
 * What of a task that is over has been kept long enough. Pure, so that it can be read and tried out
 * without losing anything: a mistake here could not be undone. Time counts from the task's end, which
 * a retry takes back, and for what a worktree held from the moment when it was put aside.
 */
export type KeptTask = {
  id: string;
  endedAt: Date | null;
  /** When its records were removed; earlier than its end where it was reopened since. */
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
  /** Logs, events, transcripts, and the snapshots of its attempts. */
  records: boolean;
  /** Ids of worktrees that are put aside now, each as a snapshot that is kept as long again. */
  worktrees: string[];
  /** Ids of worktrees whose snapshots go. */
  snapshots: string[];
};

/**
 * What recognises a repeated request is remembered for this long at least, however short the rest is
 * kept: GitHub delivers again what was delivered within the last three days, and a caller's script
 * may be run again after its holidays.
 */
const shortestMemoryDays = 30;

/** What was over earlier than this may be forgotten, and is not recognised any more. */
export function chooseForgettable(retentionDays: number, now: Date): Date {
  const days = Math.max(retentionDays, shortestMemoryDays);
  return new Date(now.getTime() - days * 24 * 60 * 60_000);
}

/** `before`: what ended earlier has been kept long enough. */
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
