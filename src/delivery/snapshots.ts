import { existsSync } from "node:fs";
import { join } from "node:path";
import { DeputyError } from "../core/base/error.ts";
import type { Task } from "../core/task/task.ts";
import type { SnapshotKind, TaskSnapshot } from "../core/task/task-detail.ts";
import type { Db } from "../store/database/schema.ts";
import { listAttempts, listSubtasks } from "../store/tasks/tasks.ts";
import { listWorktreesOf } from "../store/tasks/worktrees.ts";
import { restoreSnapshot } from "../worktree/commits/snapshot.ts";
import { listRefs, type Mirrors } from "../worktree/mirror/mirror.ts";
import { listChanges } from "../worktree/read/diff.ts";

/**
 * The snapshots that are kept of a task, and one of them as files again. They are commits in the
 * mirror, pinned by refs that name the attempt or the worktree (docs/recovery.md).
 */
const folders: Record<string, SnapshotKind> = {
  before: "before",
  checkpoints: "checkpoint",
  attempts: "attempt",
  worktrees: "worktree",
};

/** Oldest first. An attempt that ended as its last checkpoint is listed once. */
export async function listSnapshots(db: Db, mirrors: Mirrors, task: Task): Promise<TaskSnapshot[]> {
  const { preparation } = task;
  if (!preparation) return [];
  const mirror = mirrors.at(preparation.mirror);
  const [subtasks, attempts, worktrees] = await Promise.all([
    listSubtasks(db, task.id),
    listAttempts(db, { taskId: task.id }),
    listWorktreesOf(db, task.id),
  ]);
  const keys = new Map(subtasks.map(({ id, key }) => [id, key]));
  const byId = new Map(attempts.map((attempt) => [attempt.id, attempt]));
  const owners = new Map<string, { subtaskId: string; attempt: number | null }>([
    ...attempts.map(({ id, number, subtaskId }) => [id, { subtaskId, attempt: number }] as const),
    ...worktrees.map(({ id, subtaskId }) => [id, { subtaskId, attempt: null }] as const),
  ]);
  /** An attempt without a change ended at its base, whose time says nothing. */
  const timeOf = (kind: SnapshotKind, id: string): Date | null => {
    if (kind === "before") return byId.get(id)?.startedAt ?? null;
    return kind === "attempt" ? (byId.get(id)?.endedAt ?? null) : null;
  };
  const patterns = Object.keys(folders).map((folder) => `refs/deputy/${folder}/`);
  const kept = (await listRefs(mirror, patterns)).flatMap(({ at, commit, ref }) => {
    const [, , folder = "", id = ""] = ref.split("/");
    const owner = owners.get(id);
    const kind = folders[folder];
    return owner && kind ? [{ ...owner, kind, at: timeOf(kind, id) ?? at, commit }] : [];
  });
  const rank = (kind: SnapshotKind) => Object.values(folders).indexOf(kind);
  kept.sort((a, b) => a.at.getTime() - b.at.getTime() || rank(a.kind) - rank(b.kind));
  const isSuperseded = (one: (typeof kept)[number]) =>
    one.kind === "checkpoint" &&
    kept.some((other) => other.kind === "attempt" && other.commit === one.commit);
  const shown = kept.filter((one) => !isSuperseded(one));
  return Promise.all(
    shown.map(async ({ at, attempt, commit, kind, subtaskId }, index) => ({
      ...{ number: index + 1, kind, attempt, at, commit },
      subtaskKey: keys.get(subtaskId) ?? subtaskId,
      files: (await listChanges(mirror, preparation.baseCommit, commit)).length,
    })),
  );
}

/**
 * Puts a snapshot into a new folder below `root`, as changes that are not committed. The folder is
 * the person's: Deputy neither uses nor removes it.
 */
export async function restoreOne(
  db: Db,
  mirrors: Mirrors,
  task: Task,
  { number, root }: { number: number; root: string },
): Promise<{ snapshot: TaskSnapshot; path: string }> {
  const snapshots = await listSnapshots(db, mirrors, task);
  const snapshot = snapshots.find((each) => each.number === number);
  if (!snapshot || !task.preparation)
    throw new DeputyError(
      "not_found",
      snapshots.length === 0
        ? `${task.id} has no snapshots: no attempt left any, or they were kept only for a time (retention_days in config.yaml).`
        : `${task.id} has no snapshot ${number}: it has ${snapshots.length}, see deputy snapshots ${task.id}.`,
      { field: "snapshot" },
    );
  const path = join(root, `${task.id}-${number}`);
  if (existsSync(path))
    throw new DeputyError(
      "conflict",
      `${path} exists: snapshot ${number} was restored there before. Remove the folder to restore it again.`,
    );
  await restoreSnapshot(mirrors.at(task.preparation.mirror), snapshot.commit, path);
  return { snapshot, path };
}
