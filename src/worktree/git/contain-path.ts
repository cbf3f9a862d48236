import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { openFile, readStart, splitPath, withFolder } from "../../sandbox/files/open-folder.ts";
import { removeInside } from "../../sandbox/files/remove-tree.ts";

/**
 * Resolves a relative path from outside and throws a DeputyError when it leads out of `root`.
 * Symbolic links of folders and of the file itself are followed first. A missing path is judged by
 * the folders that exist.
 */
export async function containPath(root: string, relativePath: string): Promise<string> {
  if (relativePath.includes("\0")) throw refuse(relativePath, "holds a NUL character");
  if (isAbsolute(relativePath)) throw refuse(relativePath, "is absolute");
  const top = await realpath(root);
  if (!isInside(top, resolve(top, relativePath))) throw refuse(relativePath, "leads out of it");
  const real = await resolveReal(resolve(top, relativePath), relativePath);
  if (!isInside(top, real)) throw refuse(relativePath, "leads out of it through a symbolic link");
  return real;
}

/**
 * Read a regular file below `root`, at most `maxBytes` of it. Null when it does not exist. Links
 * that lead outside, and FIFOs, devices and folders, are refused.
 */
export async function readContainedFile(
  root: string,
  relativePath: string,
  maxBytes: number,
): Promise<Buffer | null> {
  const { folder, name } = await findContained(root, relativePath);
  try {
    const file = await withFolder(root, folder, (inside) => openFile(inside, name));
    try {
      if (!(await file.stat()).isFile()) throw refuse(relativePath, "is no regular file");
      return await readStart(file, maxBytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    if (code === "ELOOP" || code === "ENXIO") throw refuse(relativePath, "is no regular file");
    throw error;
  }
}

/** Deletes the target of such a path. A path that leads outside is refused. */
export async function removeContained(root: string, relativePath: string): Promise<void> {
  const { folder, name } = await findContained(root, relativePath);
  await withFolder(root, folder, (inside) => removeInside(inside, name));
}

/**
 * Follows links now; the caller then opens the result without following any, so that a link put
 * there since leads nowhere.
 */
async function findContained(root: string, relativePath: string) {
  const path = await containPath(root, relativePath);
  return splitPath(relative(await realpath(root), path));
}

/** Whether `path` is `folder` or below it, by their text alone. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

/** The real path of the deepest existing part, followed by the rest. */
async function resolveReal(path: string, shown: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ELOOP") throw refuse(shown, "is a loop of symbolic links");
    if (code === "ENAMETOOLONG") throw refuse(shown, "is too long");
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
  }
  // A dangling link exists but leads nowhere: writing through it would create its target.
  if (await isLink(path)) throw refuse(shown, "is a symbolic link to nowhere");
  return join(await resolveReal(dirname(path), shown), basename(path));
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  );
}

function refuse(path: string, why: string): DeputyError {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
  return new DeputyError(
    "invalid_input",
    `The path ${shown} ${why}: use a path inside the folder.`,
  );
}
