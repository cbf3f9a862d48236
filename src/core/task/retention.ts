import type { Task } from "./task.ts";

/**
 * What has been kept long enough of a task that is over. Pure, so that it can be tested without
 * losing anything: a mistake here could not be undone. Time counts from the task's end, which a
 * retry takes back; for snapshots from when the task was settled, and from the removal of the
 * worktree.
 */
export type KeptTask = {
  id: string;
  endedAt: Date | null;
  /** Null: somebody may still want its snapshots, so they stay; see `whenSettled`. */
  settledAt: Date | null;
  /** Snapshots of its attempts are left. */
  hasSnapshots: boolean;
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
  /** Logs, events and transcripts. */
  records: boolean;
  /** The snapshots of its attempts. */
  attempts: boolean;
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
    return { records: false, attempts: false, worktrees: [], snapshots: [] };
  }
  const isSettled = isOld(task.settledAt);
  const records = task.prunedAt === null || task.prunedAt < task.endedAt;
  return {
    records,
    attempts: isSettled && (records || task.hasSnapshots),
    worktrees: task.worktrees
      .filter(({ state, lastUsedAt }) => state === "active" && isOld(lastUsedAt))
      .map(({ id }) => id),
    snapshots: task.worktrees
      .filter(
        ({ state, snapshotRef, removedAt }) =>
          isSettled && state === "removed" && snapshotRef !== null && isOld(removedAt),
      )
      .map(({ id }) => id),
  };
}

/** What tells whether a person has decided on a task. */
export type Decided = Pick<
  Task,
  | "state"
  | "endedAt"
  | "acceptedAt"
  | "rolledBackAt"
  | "discardedAt"
  | "deliveredCommit"
  | "expectsChange"
>;

/**
 * Since when nothing of a task is open to a decision: it was accepted, rolled back or discarded, its
 * change was merged, or there is none to decide on. Null: it is completed or failed, and waits for
 * that.
 */
export function whenSettled(task: Decided, isMerged: boolean): Date | null {
  const { acceptedAt, discardedAt, endedAt, rolledBackAt } = task;
  if (endedAt === null) return null;
  const decided = [acceptedAt, rolledBackAt, discardedAt].filter((at) => at !== null);
  if (decided.length > 0) return new Date(Math.max(...[endedAt, ...decided].map(Number)));
  const hasNothing =
    task.state === "completed" && (!task.expectsChange || task.deliveredCommit === null);
  return isMerged || hasNothing || task.state === "cancelled" ? endedAt : null;
}
