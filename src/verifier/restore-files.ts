import { lstat, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Mirror, openMirror } from "../worktree/open-mirror.ts";

/**
 * Puts files of a clean worktree back to what they are on another commit. The tree around them is
 * a stranger's: a folder on the way may have become a link to somewhere else, so git writes what
 * git has (it replaces links on the way by folders, and keeps modes), and our own writes walk the
 * path first.
 */
export async function restoreFiles(
  mirror: Mirror,
  worktree: string,
  commit: string,
  paths: readonly string[],
): Promise<void> {
  if (paths.length === 0) return;
  const scratch = await mkdtemp(join(tmpdir(), "deputy-index-"));
  try {
    const git = openMirror(mirror, { workTree: worktree, index: join(scratch, "index") });
    await git.run(["read-tree", "--end-of-options", commit]);
    // A name that is no UTF-8 was lost when it was listed; git would refuse all of them for it.
    const known = paths.filter((path) => !path.includes("\ufffd"));
    if (known.length === 0) return;
    await git.run(["checkout-index", "--force", "-z", "--stdin"], {
      input: known.map((path) => `${path}\0`).join(""),
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Delete files of the worktree. A path that leads through a link names no file of the tree. */
export async function removeFiles(worktree: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (await clearWay(worktree, path, false))
      await rm(join(worktree, path), { recursive: true, force: true });
  }
}

/** Write a file of the worktree, in place of whatever is there. */
export async function writeTreeFile(worktree: string, path: string, text: string): Promise<void> {
  await clearWay(worktree, path, true);
  const target = join(worktree, path);
  await rm(target, { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text, { flag: "wx" });
}

/** Whether every folder on the way is one; with `clear`, what is none is deleted. */
async function clearWay(worktree: string, path: string, clear: boolean): Promise<boolean> {
  const folders = dirname(path).split("/");
  for (let depth = 1; depth <= folders.length; depth++) {
    const folder = join(worktree, ...folders.slice(0, depth));
    const stats = await lstat(folder).catch(() => null); // absent: nothing is in the way
    if (!stats || stats.isDirectory()) continue;
    if (!clear) return false;
    await rm(folder, { force: true });
    return true;
  }
  return true;
}
