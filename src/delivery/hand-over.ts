import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DeputyError } from "../core/base/error.ts";
import { invariant } from "../core/base/invariant.ts";
import { sparseOf } from "../core/settings/sparse.ts";
import type { Task } from "../core/task/task.ts";
import type { Redact } from "../core/text/redact.ts";
import type { Db } from "../store/database/schema.ts";
import { getLatestAttempt } from "../store/tasks/attempts.ts";
import { isDeliveredByAnother } from "../store/tasks/branches.ts";
import { getTask, listSubtasks } from "../store/tasks/tasks.ts";
import {
  listWorktreesOf,
  markRemoved,
  markRestored,
  withIdleWorktree,
} from "../store/tasks/worktrees.ts";
import { listAside, setAsideRecent } from "../worktree/checkout/set-aside.ts";
import { discardWorktree } from "../worktree/checkout/worktree.ts";
import { restoreSnapshot, snapshotWorktree } from "../worktree/commits/snapshot.ts";
import { listLeftOut } from "../worktree/commits/worktree-changes.ts";
import { keepSubmodules, submoduleWorktreeRef } from "../worktree/content/keep-submodules.ts";
import { hasCommit, type Mirrors } from "../worktree/mirror/mirror.ts";
import { isWhole } from "../worktree/mirror/open-mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import type { AuthHeader } from "../worktree/mirror/transport.ts";
import { acceptBranch } from "../worktree/publish/accept.ts";
import { branchTip, deleteBranch } from "../worktree/publish/publish.ts";
import { findPublished, type PublishDeps } from "./publish-task.ts";

/** A person's decisions on delivered work: accept it, discard it, or restore a removed worktree. */

/** Merge the delivered branch into the branch that is checked out in the user's repository. */
export async function acceptDelivery(task: Task): Promise<string> {
  const { branch, deliveredCommit } = requireDelivered(task);
  const repository = parseRepository(task.repository);
  if (repository.kind !== "local") {
    throw new DeputyError(
      "conflict",
      `${task.id} was delivered to ${task.repository}; merge ${task.deliveryUrl ?? branch} there.`,
    );
  }
  const { kind, commit } = await acceptBranch(repository.url, {
    ...{ taskId: task.id, branch, commit: deliveredCommit, base: baseNameOf(task) },
  });
  if (kind === "before") return `${branch} is in your branch already (${commit.slice(0, 10)})`;
  return `${branch} is merged into your branch (${kind === "fast_forward" ? "fast-forward" : "merge commit"}, ${commit.slice(0, 10)})`;
}

/** The branch that a task was started from; of one started from no branch what it was started from. */
export function baseNameOf({ preparation }: Pick<Task, "preparation">): string {
  return preparation?.baseRef.replace(/^refs\/(heads|remotes\/origin)\//, "") ?? "";
}

/**
 * Remove the delivered branch, artifacts and worktrees; refused if the branch has moved. Of work that
 * was accepted the artifacts stay: they are its record.
 */
export async function discardDelivery(
  db: Db,
  mirrors: Mirrors,
  task: Task,
  options: {
    artifacts: string;
    authHeader: AuthHeader;
    redact: Redact;
  },
): Promise<string> {
  if (task.state !== "completed" && task.state !== "failed" && task.state !== "cancelled") {
    throw new DeputyError("conflict", `${task.id} is ${task.state}; cancel it first.`);
  }
  // One that was closed on GitHub counts as discarded, and its branch is still there.
  if (task.discardedAt && task.deliveryUrl === null) return "it was discarded already";
  const { authHeader, redact } = options;
  const { branch, deliveredCommit: commit } = task.branch
    ? task
    : await findUnfinished(db, { mirrors, authHeader, redact }, task);
  if (branch && commit) {
    const repository = parseRepository(task.repository);
    const header = await authHeader(repository.url, "write");
    const auth = header ? { authHeader: header } : {};
    // Where its branch was deleted, a later task may have got the name.
    const tip = await branchTip(repository, branch, auth);
    const isAnothers =
      tip !== null && tip !== commit && (await isDeliveredByAnother(db, task, branch, tip));
    if (!isAnothers) await deleteBranch(repository, branch, commit, auth);
  }
  for (const row of await listWorktreesOf(db, task.id)) {
    if (row.state === "active") await tidyWorktree(db, mirrors, row.id);
  }
  const isKept = task.acceptedAt !== null;
  if (isKept)
    return `${branch ?? "its branch"} and its worktrees are gone; it was accepted, so its record stays`;
  await rm(join(options.artifacts, task.id), { recursive: true, force: true });
  return branch ? `${branch}, its patch, receipt and worktrees are gone` : "its worktrees are gone";
}

/** A failed or cancelled delivery may already have pushed the branch. */
async function findUnfinished(
  db: Db,
  deps: PublishDeps,
  task: Task,
): Promise<Pick<Task, "branch" | "deliveredCommit">> {
  const subtasks = await listSubtasks(db, task.id);
  const wasDelivering = subtasks.every(({ state }) => state === "completed");
  const isBranch = task.delivery !== "comment" && task.state !== "completed";
  const found = isBranch && wasDelivering ? await findPublished(deps, task) : null;
  return { branch: found?.branch ?? null, deliveredCommit: found?.commit ?? null };
}

/**
 * Remove one worktree of a task that is over, after a snapshot of everything in it that is not
 * ignored; what no snapshot holds and may be an only copy is set aside (set-aside.ts). False when it
 * is gone or in use again.
 */
export async function tidyWorktree(db: Db, mirrors: Mirrors, id: string): Promise<boolean> {
  return withIdleWorktree(db, id, async (tx, row) => {
    const mirror = mirrors.at(row.mirror);
    const ref = `refs/deputy/worktrees/${row.id}`;
    const attempt = await getLatestAttempt(tx, row.subtaskId);
    invariant(attempt, "a worktree was made for an attempt");
    if (!isWhole(mirror))
      throw new DeputyError(
        "unavailable",
        `The worktree ${row.path} stays, because Deputy's mirror ${row.mirror}, which keeps what is in it, is missing: it is made again when a task of its repository runs.`,
      );
    // The attempt's base may have been lost with a mirror.
    const isThere = await hasCommit(mirror, attempt.baseCommit);
    const preparation = (await getTask(tx, row.taskId))?.preparation ?? null;
    const kept = (isThere ? null : preparation?.baseCommit) ?? attempt.baseCommit;
    const snapshot = await snapshotWorktree(mirror, row.path, {
      parent: kept,
      message: `Worktree ${row.id} before it was removed`,
      ref,
      sparse: sparseOf(preparation),
    });
    await keepSubmodules(mirror, {
      ...{ path: row.path, base: kept, since: null },
      ref: submoduleWorktreeRef(row.id),
    });
    await setAsideRecent(mirror, row.path, listLeftOut(snapshot.skipped));
    await discardWorktree(mirror, row.path);
    await markRemoved(tx, row.id, { ref, commit: snapshot.commit });
  });
}

/**
 * Bring the removed worktrees of a task back, untracked files included. Names the folders in which
 * ignored files of them still lie.
 */
export async function restoreWorktrees(
  db: Db,
  mirrors: Mirrors,
  task: Task,
): Promise<{ worktrees: { subtaskId: string; path: string }[]; aside: string[] }> {
  const rows = await listWorktreesOf(db, task.id);
  if (rows.length === 0)
    throw new DeputyError(
      "conflict",
      `${task.id} has no worktree to restore: no attempt was ever made.`,
    );
  if (rows.some(({ state, snapshotCommit }) => state === "removed" && snapshotCommit === null))
    throw new DeputyError(
      "conflict",
      `${task.id} cannot be restored any more: its worktrees were removed, and the snapshots of them were kept only for a time (retention_days in config.yaml).`,
    );
  const worktrees: { subtaskId: string; path: string }[] = [];
  const aside: string[] = [];
  for (const row of rows) {
    if (row.state === "removed") {
      invariant(row.snapshotCommit, "a removed worktree has its snapshot");
      const sparse = sparseOf(task.preparation);
      await restoreSnapshot(mirrors.at(row.mirror), row.snapshotCommit, row.path, null, sparse);
      await markRestored(db, row.id);
    }
    worktrees.push({ subtaskId: row.subtaskId, path: row.path });
    aside.push(...(await listAside(dirname(row.path), basename(row.path))));
  }
  return { worktrees, aside };
}

/** Throws for a task whose delivered work is not there to decide on. */
export function requireDelivered(task: Task): { branch: string; deliveredCommit: string } {
  if (task.discardedAt) throw new DeputyError("conflict", `${task.id} was discarded.`);
  if (task.rolledBackAt)
    throw new DeputyError(
      "conflict",
      `${task.id} was rolled back already, at ${task.rolledBackAt.toISOString()}.`,
    );
  if (task.state !== "completed" && task.branch && task.deliveredCommit) {
    throw new DeputyError(
      "conflict",
      `${task.id} was reopened and is ${task.state} now; what it delivered before is still on ${task.branch}, to be merged with git.`,
    );
  }
  if (task.state !== "completed" || !task.branch || !task.deliveredCommit) {
    throw new DeputyError("conflict", `${task.id} is ${task.state} and has delivered no branch.`);
  }
  return { branch: task.branch, deliveredCommit: task.deliveredCommit };
}
