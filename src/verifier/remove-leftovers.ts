import { readdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removeTree } from "../sandbox/remove-tree.ts";
import type { Mirrors } from "../worktree/mirror.ts";
import { emptyBin } from "../worktree/throw-away.ts";
import { listWorktrees, removeWorktree } from "../worktree/worktree.ts";

/**
 * A daemon that was killed during a check leaves that check's worktree behind. It holds nothing but
 * a commit that is kept elsewhere, so it goes at the next start, before anything new is checked.
 */
export async function removeCheckLeftovers(mirrors: Mirrors, workRoot: string): Promise<number> {
  const root = await realpath(workRoot);
  let removed = 0;
  for (const name of await readdir(mirrors.root)) {
    if (!name.endsWith(".git") || name.startsWith(".")) continue;
    const mirror = mirrors.at(join(mirrors.root, name));
    await emptyBin(mirror);
    for (const { path } of await listWorktrees(mirror)) {
      if (dirname(path) !== root) continue;
      await removeWorktree(mirror, path);
      removed++;
    }
  }
  // With them, what no mirror knows any more: the folder is the daemon's own.
  for (const name of await readdir(root)) await removeTree(join(root, name));
  return removed;
}
