import { readdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removeTree } from "../../sandbox/files/remove-tree.ts";
import { listWorktrees, removeWorktree } from "../../worktree/checkout/worktree.ts";
import { listMirrors, type Mirrors } from "../../worktree/mirror/mirror.ts";
import { emptyBin } from "../../worktree/mirror/throw-away.ts";

/**
 * Removes the worktrees that a killed daemon left from its checks. They hold only commits that are
 * kept elsewhere, so they go at the next start, before any new check. Returns how many were
 * removed.
 */
export async function removeCheckLeftovers(mirrors: Mirrors, workRoot: string): Promise<number> {
  const root = await realpath(workRoot);
  let removed = 0;
  for (const mirror of await listMirrors(mirrors)) {
    await emptyBin(mirror);
    for (const { path } of await listWorktrees(mirror)) {
      if (dirname(path) !== root) continue;
      await removeWorktree(mirror, path);
      removed++;
    }
  }
  // Also removes what no mirror knows any more: the folder is the daemon's own.
  for (const name of await readdir(root)) await removeTree(join(root, name));
  return removed;
}
