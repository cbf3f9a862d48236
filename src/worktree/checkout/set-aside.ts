import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { moveInside } from "../../sandbox/files/move-inside.ts";
import { type Folder, withFolder } from "../../sandbox/files/open-folder.ts";
import type { Mirror } from "../mirror/open-mirror.ts";
import { listIgnoredFiles, listRecent } from "./ignored-files.ts";

/**
 * Files that no snapshot holds and that may be somebody's only copy are moved out of a worktree
 * before it is removed, not deleted: a move takes no space, and a secret stays out of git's objects.
 * They lie beside the worktrees, in a folder for each time, and stay there for a day.
 */
const asideFolder = "set-aside";
export const keptAsideMs = 24 * 60 * 60_000;

/**
 * Moves the ignored files that were written within a day and are no caches by their names, and these
 * `others`, by their paths in latin1. Returns their folder, or null if there are none.
 */
export async function setAsideRecent(
  mirror: Mirror,
  workTree: string,
  others: readonly string[],
): Promise<string | null> {
  const since = new Date(Date.now() - keptAsideMs);
  const ignored = await listRecent(workTree, await listIgnoredFiles(mirror, workTree), since);
  return setAside(workTree, [...others, ...ignored]);
}

/** Moves these. */
export async function setAside(workTree: string, paths: readonly string[]): Promise<string | null> {
  if (paths.length === 0) return null;
  const around = dirname(workTree);
  const path = join(asideFolder, `${basename(workTree)}-${Date.now()}`);
  const move = async (aside: Folder) => {
    for (const file of paths) await moveInside(workTree, aside, Buffer.from(file, "latin1"));
  };
  await withFolder(around, path, move, { make: 0o700 });
  return join(around, path);
}

/** The folders with what was set aside, the oldest first; those of one worktree, or all. */
export async function listAside(worktrees: string, name: string | null = null): Promise<string[]> {
  const path = join(worktrees, asideFolder);
  const folders = await readdir(path).catch(() => []); // nothing was ever set aside
  return folders
    .filter((folder) => name === null || folder.startsWith(`${name}-`))
    .sort((a, b) => timeAside(a) - timeAside(b))
    .map((folder) => join(path, folder));
}

/** When a folder was set aside, which its name tells. */
export function timeAside(folder: string): number {
  return Number(folder.slice(folder.lastIndexOf("-") + 1));
}
