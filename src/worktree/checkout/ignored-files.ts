import { lstat, unlink } from "node:fs/promises";
import { isCachePath } from "../../core/base/cache-names.ts";
import { splitPath, withFolder } from "../../sandbox/files/open-folder.ts";
import { removeIfEmpty, removeInside } from "../../sandbox/files/remove-tree.ts";
import { GitFailure } from "../git/git-failure.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { hasCheckout, placeOf } from "./worktree-place.ts";

/**
 * The ignored files of a worktree: what git lists as ignored and untracked, so exactly what no
 * snapshot holds. Paths are bytes in latin1 strings, as in worktree-changes.ts; one that ends with
 * "/" is an ignored repository, which git does not look into. Links are not followed.
 */
export async function listIgnoredFiles(mirror: Mirror, workTree: string): Promise<string[]> {
  const place = placeOf(mirror, workTree);
  const { index } = place;
  // Without the index of our checkout, tracked files would count as ignored ones.
  if (!hasCheckout(place)) return [];
  const args = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard"];
  const { exitCode, stdout, stderr } = await openMirror(mirror, { workTree, index }).ask(args);
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  return stdout.toString("latin1").split("\0").filter(Boolean);
}

/**
 * Those of these that were written since and are no caches by their names: they may be somebody's
 * only copy. A repository counts, whatever its time: nobody looks into it.
 */
export async function listRecent(
  workTree: string,
  paths: readonly string[],
  since: Date,
): Promise<string[]> {
  const recent: string[] = [];
  for (const [folder, names] of groupByFolder(paths.filter((path) => !isCachePath(path)))) {
    await withFolder(workTree, Buffer.from(folder, "latin1"), async (inside) => {
      for (const name of names) {
        // An agent can set mtime back, and a program that unpacks does; it cannot set ctime.
        const isKept = await lstat(inside.at(Buffer.from(name, "latin1"))).then(
          (stats) =>
            stats.isDirectory() || Math.max(stats.mtimeMs, stats.ctimeMs) >= since.getTime(),
          ({ code }) => code !== "ENOENT", // its age cannot be told
        );
        if (isKept) recent.push(folder + name);
      }
    }).catch(ignoreChange);
  }
  return recent;
}

/** Removes them, and the folders that are empty then. Returns the space that they took. */
export async function removeIgnoredFiles(
  workTree: string,
  paths: readonly string[],
): Promise<{ files: number; bytes: number }> {
  const removed = { files: 0, bytes: 0 };
  const groups = groupByFolder(paths);
  for (const [folder, names] of groups) {
    await withFolder(workTree, Buffer.from(folder, "latin1"), async (inside) => {
      for (const name of names) {
        const at = Buffer.from(name, "latin1");
        const stats = await lstat(inside.at(at)).catch(() => null);
        if (stats === null) continue; // gone meanwhile
        await (stats.isDirectory() ? removeInside(inside, at) : unlink(inside.at(at)));
        removed.files++;
        if (stats.nlink === 1) removed.bytes += stats.blocks * 512; // others keep what they share
      }
    }).catch(ignoreChange);
  }
  await removeEmptyFolders(workTree, [...groups.keys()]);
  return removed;
}

async function removeEmptyFolders(workTree: string, folders: readonly string[]): Promise<void> {
  const all = new Set(folders.flatMap(foldersUpwards));
  const deepestFirst = [...all].sort((a, b) => b.length - a.length);
  for (const path of deepestFirst) {
    const { folder, name } = splitPath(Buffer.from(path, "latin1"));
    await withFolder(workTree, folder, (inside) => removeIfEmpty(inside, name)).catch(ignoreChange);
  }
}

/** "a/b/" as "a/b" and "a". */
function foldersUpwards(folder: string): string[] {
  const names = folder.split("/").slice(0, -1);
  return names.map((_, at) => names.slice(0, at + 1).join("/"));
}

/** Names by their folder, which is "" or ends with "/": a folder is opened once. */
function groupByFolder(paths: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const plain = path.endsWith("/") ? path.slice(0, -1) : path;
    const end = plain.lastIndexOf("/") + 1;
    const names = groups.get(plain.slice(0, end)) ?? [];
    names.push(plain.slice(end));
    groups.set(plain.slice(0, end), names);
  }
  return groups;
}

/** It changed, or its folder may not be entered or written: what is left goes with the worktree. */
function ignoreChange(error: unknown): void {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (!/^(?:ENOENT|ENOTDIR|EISDIR|ELOOP|ENOTEMPTY|EACCES|EPERM)$/.test(code)) throw error;
}
