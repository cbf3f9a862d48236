import { editTree, type TreeEntry } from "../commits/edit-tree.ts";
import { writeCommit } from "../commits/write-object.ts";
import { pinRef, readRef } from "../mirror/mirror.ts";
import type { Mirror } from "../mirror/open-mirror.ts";
import { diffTrees } from "../read/diff-trees.ts";
import { treeOf } from "../read/read-commit.ts";

/**
 * Files that setup left without git ignoring them (a lock file, generated sources) are in every
 * snapshot of a worktree, but are not the agent's work. Setup creates them again wherever it runs,
 * so the delivered commit is without them, except those that the agent changed.
 */
export type Kept = {
  commit: string;
  base: string;
  message: string;
  /** Keeps the result, where it is another commit; null: nothing has to. */
  ref: string | null;
};

/** `setupRef`: a commit of what setup left, on the worktree's original one; missing if nothing. */
export async function leaveOutSetup(
  mirror: Mirror,
  setupRef: string,
  { commit, base, message, ref }: Kept,
): Promise<string> {
  const setup = await readRef(mirror, setupRef);
  if (setup === null) return commit;
  const left = await diffTrees(mirror, `${setup}^`, setup);
  const since = await diffTrees(mirror, setup, commit);
  const toBase = await diffTrees(mirror, commit, base);
  const set = new Map<string, TreeEntry>();
  const gone: string[] = [];
  for (const path of left.keys()) {
    const entry = toBase.get(path);
    if (entry === undefined || since.has(path)) continue;
    if (entry.mode === "000000") gone.push(path);
    else set.set(path, entry);
  }
  if (set.size + gone.length === 0) return commit;
  const tree = await editTree(mirror, new Map(), await treeOf(mirror, commit), { set, gone });
  const isBase = tree === (await treeOf(mirror, base));
  const without = isBase ? base : await writeCommit(mirror, { tree, parent: base, message });
  if (ref !== null) await pinRef(mirror, ref, without);
  return without;
}
