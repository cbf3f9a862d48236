import { existsSync } from "node:fs";
import { join } from "node:path";
import { DeputyError } from "../core/base/error.ts";
import { invariant } from "../core/base/invariant.ts";
import { sparseOf } from "../core/settings/sparse.ts";
import type { Preparation, Task } from "../core/task/task.ts";
import type { SnapshotKind, TaskSnapshot } from "../core/task/task-detail.ts";
import type { Db } from "../store/database/schema.ts";
import { listAttempts, listSubtasks } from "../store/tasks/tasks.ts";
import { listWorktreesOf } from "../store/tasks/worktrees.ts";
import { restoreSnapshot } from "../worktree/commits/snapshot.ts";
import { listRefs, type Mirror, type Mirrors } from "../worktree/mirror/mirror.ts";
import { countChanges, listCommits } from "../worktree/read/list-commits.ts";
import { treeOf } from "../worktree/read/read-commit.ts";

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
const ranks = Object.values(folders);

/** A snapshot, and the commit that it is a change to; null: its parent. */
type Kept = Omit<TaskSnapshot, "files"> & { tree: string; base: string | null };

/** Oldest first. An attempt that ended as it was at a checkpoint is listed once. */
export async function listSnapshots(db: Db, mirrors: Mirrors, task: Task): Promise<TaskSnapshot[]> {
  const { preparation } = task;
  if (!preparation) return [];
  const mirror = mirrors.at(preparation.mirror);
  return countFiles(mirror, preparation, await listKept(db, mirror, task.id));
}

async function countFiles(
  mirror: Mirror,
  { baseCommit }: Preparation,
  kept: readonly Kept[],
): Promise<TaskSnapshot[]> {
  const trees = kept.map(({ tree }) => tree);
  const counts = await countChanges(mirror, await treeOf(mirror, baseCommit), trees);
  return kept.map(({ tree, base, ...snapshot }) => ({ ...snapshot, files: counts.get(tree) ?? 0 }));
}

async function listKept(db: Db, mirror: Mirror, taskId: string): Promise<Kept[]> {
  const [subtasks, attempts, worktrees] = await Promise.all([
    listSubtasks(db, taskId),
    listAttempts(db, { taskId }),
    listWorktreesOf(db, taskId),
  ]);
  const keys = new Map(subtasks.map(({ id, key }) => [id, key]));
  const byId = new Map(attempts.map((attempt) => [attempt.id, attempt]));
  const owners = new Map<string, { subtaskId: string }>([
    ...byId,
    ...worktrees.map((worktree) => [worktree.id, worktree] as const),
  ]);
  /** An attempt without a change ended at its base, whose time says nothing. */
  const timeOf = (kind: SnapshotKind, id: string): Date | null => {
    if (kind === "before") return byId.get(id)?.startedAt ?? null;
    return kind === "attempt" ? (byId.get(id)?.endedAt ?? null) : null;
  };
  type Found = { commit: string; tree: string; at: Date };
  const keep = (
    kind: SnapshotKind,
    id: string,
    { at, commit, tree }: Found,
  ): Omit<Kept, "number">[] => {
    const owner = owners.get(id);
    if (!owner) return [];
    const attempt = byId.get(id);
    return [
      {
        ...{ kind, commit, tree, at: timeOf(kind, id) ?? at },
        ...{ attempt: attempt?.number ?? null, base: attempt?.baseCommit ?? null },
        subtaskKey: keys.get(owner.subtaskId) ?? owner.subtaskId,
      },
    ];
  };
  const tips: string[] = [];
  const kept: Omit<Kept, "number">[] = [];
  const patterns = Object.keys(folders).map((folder) => `refs/deputy/${folder}/`);
  for (const found of await listRefs(mirror, patterns)) {
    const [, , folder = "", name = ""] = found.ref.split("/");
    const kind = folders[folder];
    const [id = ""] = name.split("-"); // what follows tells an earlier one
    if (kind === "checkpoint" && byId.has(id)) tips.push(found.commit);
    else if (kind && kind !== "checkpoint") kept.push(...keep(kind, id, found));
  }
  // The ref holds the last one of the attempt, which holds all before it.
  const bases = [...new Set(attempts.map(({ baseCommit }) => baseCommit))];
  for (const found of await listCommits(mirror, tips, bases))
    kept.push(...keep("checkpoint", found.subject.replace(/^.* /, ""), found));
  const ends = kept.filter(({ kind }) => kind === "attempt");
  const isEnd = ({ attempt, kind, subtaskKey, tree }: (typeof kept)[number]) =>
    kind === "checkpoint" &&
    ends.some(
      (end) => end.tree === tree && end.attempt === attempt && end.subtaskKey === subtaskKey,
    );
  return kept
    .filter((one) => !isEnd(one))
    .sort(
      (a, b) => a.at.getTime() - b.at.getTime() || ranks.indexOf(a.kind) - ranks.indexOf(b.kind),
    )
    .map((one, index) => ({ ...one, number: index + 1 }));
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
  const { preparation } = task;
  const mirror = preparation && mirrors.at(preparation.mirror);
  const kept = mirror ? await listKept(db, mirror, task.id) : [];
  const chosen = kept[number - 1];
  if (!chosen || !mirror)
    throw new DeputyError(
      "not_found",
      kept.length === 0
        ? `${task.id} has no snapshots: no attempt left any, or they were kept only for a time (retention_days in config.yaml).`
        : `${task.id} has no snapshot ${number}: it has ${kept.length}, see deputy snapshots ${task.id}.`,
      { field: "snapshot" },
    );
  const path = join(root, `${task.id}-${number}`);
  if (existsSync(path))
    throw new DeputyError(
      "conflict",
      `${path} exists: snapshot ${number} was restored there before. Remove the folder to restore it again.`,
    );
  await restoreSnapshot(mirror, chosen.commit, path, chosen.base, sparseOf(preparation));
  const [snapshot] = await countFiles(mirror, preparation, [chosen]);
  invariant(snapshot, "each kept state is a snapshot");
  return { snapshot, path };
}
