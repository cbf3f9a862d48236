import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Folder, splitPath, withFolder } from "../sandbox/open-folder.ts";
import { removeInside, removeTree } from "../sandbox/remove-tree.ts";
import { type Mirror, openMirror } from "../worktree/open-mirror.ts";

/**
 * Puts files of a clean worktree back to what they are on another commit. The tree around them is
 * a stranger's: a folder on the way may be a link to somewhere else, so git writes what git has (it
 * replaces links on the way by folders, keeps modes, and sees no more than the worktree), and our own
 * writes open one folder after the other.
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
    const index = join(scratch, "index");
    const git = openMirror(mirror, { workTree: worktree, index, writes: true });
    await git.run(["read-tree", "--end-of-options", commit]);
    // A name that is no UTF-8 was lost when it was listed; git would refuse all of them for it.
    const known = paths.filter((path) => !path.includes("\ufffd"));
    if (known.length === 0) return;
    await git.run(["checkout-index", "--force", "-z", "--stdin"], {
      input: known.map((path) => `${path}\0`).join(""),
    });
  } finally {
    await removeTree(scratch);
  }
}

/** Delete files of the worktree. A path that leads through a link names no file of the tree. */
export async function removeFiles(worktree: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const { folder, name } = splitPath(path);
    await withFolder(worktree, folder, (inside) => removeInside(inside, name)).catch((error) => {
      if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
    });
  }
}

/** Write a file of the worktree, in place of whatever is there or on the way to it. */
export async function writeTreeFile(worktree: string, path: string, text: string): Promise<void> {
  const { folder, name } = splitPath(path);
  const write = async (inside: Folder) => {
    await removeInside(inside, name);
    await writeFile(inside.at(name), text, { flag: "wx" });
  };
  await withFolder(worktree, folder, write, { make: 0o777, clear: true });
}
