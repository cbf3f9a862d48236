import { randomUUID } from "node:crypto";
import { lstat, rm } from "node:fs/promises";
import { join } from "node:path";
import { keepUnchanged } from "../checkout/keep-unchanged.ts";
import { placeOf } from "../checkout/worktree-place.ts";
import { commitTree } from "../commits/commit-tree.ts";
import { findChanges, join0 } from "../commits/worktree-changes.ts";
import { pinSnapshot, readRef } from "../mirror/mirror.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { listChanges } from "../read/diff.ts";
import { treeOf } from "../read/read-commit.ts";
import { listFilled } from "./submodules.ts";

/**
 * Keeps the changes in the submodules of a worktree. No commit of the repository can hold them, so
 * they are a commit of their own, with the files of all submodules at their paths.
 */
export const submoduleRefOf = (attemptId: string) => `submodules/${attemptId}`;
/** What setup left in the submodules, which is not the agent's change. */
export const submoduleSetupRef = (subtaskId: string) => `submodule-setups/${subtaskId}`;

/** What lay in them before the attempt reset its worktree, or before the worktree was removed. */
export const submoduleBeforeRef = (attemptId: string) => `submodules-before/${attemptId}`;
export const submoduleWorktreeRef = (worktreeId: string) => `submodules-worktrees/${worktreeId}`;

export type KeepSubmodules = {
  path: string;
  /** The commit whose submodules the worktree was filled with. */
  base: string;
  /** Set, if anything changed, to a commit whose parent is the state before; null: none is. */
  ref: string | null;
  /** Another such ref: only changes since then count. */
  since: string | null;
};

/** Returns the changed paths. */
export async function keepSubmodules(
  mirror: Mirror,
  { path, base, ref, since }: KeepSubmodules,
): Promise<string[]> {
  const filled = await listFilled(mirror, base);
  const stats = await lstat(path).catch(() => null);
  // A worktree that is gone, or replaced by a link, has nothing to inspect.
  if (filled.length === 0 || !stats?.isDirectory()) return [];
  const index = join(placeOf(mirror, path).record, `submodules-${randomUUID()}`);
  const lock = `${index}.lock`;
  const git = openMirror(mirror, { workTree: path, index });
  try {
    await git.run(["read-tree", "--empty"]);
    for (const { path: folder, content } of filled) {
      await git.run(["update-index", "--force-remove", "--", folder]); // a nested submodule
      await git.run(["read-tree", `--prefix=${folder}/`, content]);
    }
    const original = (await git.run(["write-tree"])).trim();
    const folders = filled.map((submodule) => submodule.path);
    const changes = await findChanges(mirror, { workTree: path, index }, false, folders);
    const update = (how: string[], paths: readonly string[]) =>
      paths.length === 0
        ? null
        : git.run(["update-index", ...how, "-z", "--stdin"], { input: join0(paths) });
    await update(["--force-remove"], changes.gone);
    await update(["--add", "--remove", "--replace"], changes.present);
    await keepUnchanged(git, original, `${index}-files`);
    const found = (await git.run(["write-tree"])).trim();
    const before = since === null ? null : await readRef(mirror, since);
    if (found === (before === null ? original : await treeOf(mirror, before))) return [];
    const parent = before ?? (await commitTree(mirror, original, [], "Submodules"));
    const commit = await commitTree(mirror, found, [parent], `Submodules of ${path}`);
    if (ref !== null) await pinSnapshot(mirror, ref, commit);
    return (await listChanges(mirror, parent, commit)).map((change) => change.path);
  } finally {
    await rm(index, { force: true });
    await rm(lock, { force: true });
  }
}
