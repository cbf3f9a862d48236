import { randomUUID } from "node:crypto";
import { lstat, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { invariant } from "../../core/base/invariant.ts";
import type { Sparse } from "../../core/settings/sparse.ts";
import { keepUnchanged } from "../checkout/keep-unchanged.ts";
import { addWorktree, adoptSparse, moveBase } from "../checkout/worktree.ts";
import { copyIndex, placeOf, readIndexCommit } from "../checkout/worktree-place.ts";
import { deputyIdentity } from "../git/git-environment.ts";
import { GitFailure } from "../git/git-failure.ts";
import { pinSnapshot } from "../mirror/mirror.ts";
import { identifyMirror, type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { treeOf } from "../read/read-commit.ts";
import { commitTree } from "./commit-tree.ts";
import { findChanges, join0, type Skipped } from "./worktree-changes.ts";

/**
 * Commits everything in a worktree from outside of it. The agent's `.git` file, HEAD, index,
 * commits and nested repositories are not read: git runs on the mirror with a scratch index and
 * with paths that we list (worktree-changes.ts). Untracked files are included, ignored ones are
 * not, and no filter runs but Git LFS. It may run while an agent writes.
 */
export type SnapshotOptions = {
  /** The commit that it is a change to. */
  parent: string;
  message: string;
  /** A ref below refs/deputy/ that is set to it, so that it stays (pinSnapshot). */
  ref?: string;
  /** Includes ignored files. */
  includeIgnored?: boolean;
  /**
   * The part of the tree that the worktree holds, for one whose record was lost with its mirror: what
   * it lacks would count as deleted. Null: all of it.
   */
  sparse?: Sparse | null;
};

export type Snapshot = {
  /** The parent itself when nothing changed. */
  commit: string;
  tree: string;
  changed: boolean;
  /** Paths that git cannot hold or we cannot read, with the reason: FIFOs, unreadable files. */
  skipped: Skipped[];
};

export async function snapshotWorktree(
  mirror: Mirror,
  path: string,
  options: SnapshotOptions,
): Promise<Snapshot> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await takeSnapshot(mirror, path, options);
    } catch (error) {
      // A file that an agent writes or deletes at this moment can fail one pass, hardly three; and a
      // mirror is hardly replaced three times.
      const mayPass = error instanceof GitFailure || error instanceof MirrorReplaced;
      if (!mayPass || attempt === 3) throw error;
    }
  }
}

class MirrorReplaced extends Error {}

async function takeSnapshot(
  mirror: Mirror,
  path: string,
  { parent, message, ref, includeIgnored = false, sparse = null }: SnapshotOptions,
): Promise<Snapshot> {
  const place = placeOf(mirror, path);
  const stats = await lstat(path).catch(() => null);
  if (!stats?.isDirectory()) {
    // Deleted, or a link to elsewhere: there is no content to save.
    if (ref !== undefined) await pinSnapshot(mirror, ref, parent);
    const skipped = [{ path: ".", reason: "is gone: the worktree's folder", isContent: true }];
    return { commit: parent, tree: await treeOf(mirror, parent), changed: false, skipped };
  }
  const asked = identifyMirror(mirror);
  await adoptSparse(mirror, path, parent, sparse);
  await mkdir(place.record, { recursive: true });
  const scratch = join(place.record, `snapshot-${randomUUID()}`);
  try {
    // The index of our checkout saves reading every file again; without it, everything is read.
    const indexCommit = await readIndexCommit(place);
    const isCopied = await copyIndex(place.index, scratch).then(
      () => true,
      () => false,
    );
    const git = openMirror(mirror, { workTree: path, index: scratch });
    const parentTree = await treeOf(mirror, parent);
    // Usually it is the parent's index already; then the differences are the changes.
    if (!isCopied || indexCommit !== parent)
      await git.run(["read-tree", "--reset", "--end-of-options", parent]);
    const changes = await findChanges(mirror, { workTree: path, index: scratch }, includeIgnored);
    if (changes.gone.length > 0) {
      const args = ["update-index", "--force-remove", "-z", "--stdin"];
      await git.run(args, { input: join0(changes.gone) });
    }
    if (changes.present.length > 0) {
      const how = ["--add", "--remove", "--replace", "-z", "--stdin"];
      // In a sparse worktree a file may be gone since that stood for one that it does not hold.
      const args = ["update-index", "--ignore-skip-worktree-entries", ...how];
      await git.run(args, { input: join0(changes.present) });
      await keepUnchanged(git, parent, `${scratch}-files`);
    }
    const nothing = changes.gone.length + changes.present.length === 0;
    const tree = nothing ? parentTree : (await git.run(["write-tree"])).trim();
    // With the index of one mirror and the records of another, what is there and what is not is anything.
    if (identifyMirror(mirror) !== asked)
      throw new MirrorReplaced(
        `The mirror ${mirror.gitDir} was replaced during a snapshot of ${path}.`,
      );
    const changed = tree !== parentTree;
    const commit = changed ? await commitTree(mirror, tree, [parent], message) : parent;
    if (ref !== undefined) await pinSnapshot(mirror, ref, commit);
    return { commit, tree, changed, skipped: changes.skipped };
  } finally {
    await rm(scratch, { force: true });
    await rm(`${scratch}.lock`, { force: true });
  }
}

/**
 * Restores a snapshot into a new worktree: its files as they were, on top of `base`, so that git
 * shows uncommitted changes and untracked files again. Null: the snapshot's parent.
 */
export async function restoreSnapshot(
  mirror: Mirror,
  commit: string,
  path: string,
  base: string | null = null,
  sparse: Sparse | null = null,
): Promise<void> {
  const made = await addWorktree(mirror, path, commit, "filled", sparse);
  invariant(made === "created", `${path} exists: a snapshot is restored into a new worktree only`);
  if (base !== null) return moveBase(mirror, path, base);
  const about = await openMirror(mirror).run([
    "log",
    "-1",
    "--format=%ce %P",
    "--end-of-options",
    commit,
  ]);
  const [committer, parent, second] = about.trim().split(" ");
  // A snapshot without a change is its parent: another author's commit, which stays committed.
  if (committer !== deputyIdentity.email || parent === undefined || second !== undefined) return;
  await moveBase(mirror, path, parent);
}
