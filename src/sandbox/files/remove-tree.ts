import { randomUUID } from "node:crypto";
import type { Dirent } from "node:fs";
import { chmod, lstat, readdir, rename, rmdir, stat, unlink } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type Folder, type Name, openFolder } from "./open-folder.ts";

/**
 * Deletes a tree of an agent, even if it is unwritable, deeper than the maximum path length, or
 * being changed. Links are deleted, not followed: every folder is opened by itself
 * (open-folder.ts). Subfolders of a folder are moved up into the tree's root before it is deleted,
 * so at most two are open at a time, at any depth.
 */
export async function removeTree(path: string, budget?: Budget): Promise<void> {
  let around: Folder;
  try {
    around = openFolder(dirname(path)); // ours: only we write in it
  } catch (error) {
    if (isGone(error)) return;
    throw error;
  }
  try {
    await removeInside(around, basename(path), budget);
  } finally {
    around.close();
  }
}

/** How many more entries may be deleted; below zero when that was not enough, and some are left. */
export type Budget = { left: number };

/** Like `removeTree` for an entry of an open folder. Succeeds if it is gone already. */
export async function removeInside(around: Folder, name: Name, budget?: Budget): Promise<void> {
  const isFolder = await lstat(around.at(name)).then(
    (stats) => stats.isDirectory(),
    () => null, // gone
  );
  if (isFolder === null) return;
  if (!isFolder) return unlink(around.at(name)).catch(ignoreGone);
  const folder = openInside(around, name);
  if (!folder) return removeInside(around, name, budget); // replaced at this moment
  try {
    await emptyFolder(folder, [], budget);
  } finally {
    folder.close();
  }
  if (!isSpent(budget)) await rmdir(around.at(name)).catch(ignoreGone);
}

/** Removes a folder that is empty; false: something is in it, or it is none. */
export async function removeIfEmpty(around: Folder, name: Name): Promise<boolean> {
  return rmdir(around.at(name)).then(
    () => true,
    () => false,
  );
}

/** More passes than any tree has levels happen only if something keeps writing. */
const maxPasses = 10_000;

/** Deletes everything in a folder except the spared names. */
export async function emptyFolder(
  folder: Folder,
  spared: readonly string[] = [],
  budget?: Budget,
): Promise<void> {
  await openUp(folder);
  for (let pass = 0; pass < maxPasses; pass++) {
    const entries = (await listFolder(folder)).filter(
      ({ name }) => !spared.includes(name.toString("latin1")),
    );
    if (entries.length === 0 || isSpent(budget, entries.length)) return;
    await Promise.all(entries.map(({ name, isFolder }) => isFolder || unlinkOne(folder, name)));
    for (const { name, isFolder } of entries) {
      if (isFolder) await removeFolder(folder, name, budget);
      if (isSpent(budget)) return;
    }
  }
  throw new Error("a folder cannot be emptied: something goes on writing in it");
}

/** Deletes its files and moves its folders up next to it, for the next pass. */
async function removeFolder(around: Folder, name: Buffer, budget?: Budget): Promise<void> {
  const folder = openInside(around, name);
  if (!folder) return;
  try {
    await openUp(folder);
    const entries = await listFolder(folder);
    if (isSpent(budget, entries.length)) return;
    await Promise.all(entries.map(({ name, isFolder }) => isFolder || unlinkOne(folder, name)));
    for (const { name, isFolder } of entries) if (isFolder) await bringUp(around, folder, name);
  } finally {
    folder.close();
  }
  await rmdir(around.at(name)).catch(ignoreChange);
}

function isSpent(budget: Budget | undefined, more = 0): boolean {
  if (budget) budget.left -= more;
  return budget !== undefined && budget.left < 0;
}

function unlinkOne(folder: Folder, name: Buffer): Promise<void> {
  return unlink(folder.at(name)).catch(ignoreChange);
}

async function bringUp(top: Folder, from: Folder, name: Buffer): Promise<void> {
  const folder = openInside(from, name);
  if (!folder) return;
  try {
    await openUp(folder); // a rename changes its `..`, which needs write access
    await rename(from.at(name), top.at(randomUUID())).catch(ignoreChange);
  } finally {
    folder.close();
  }
}

type Entry = { name: Buffer; isFolder: boolean };

async function listFolder(folder: Folder): Promise<Entry[]> {
  const entries: Dirent<Buffer>[] = await readdir(folder.path, {
    withFileTypes: true,
    encoding: "buffer",
  });
  return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
}

/** Gives the owner access, so that the contents can be listed and deleted. */
export async function openUp(folder: Folder): Promise<void> {
  const { mode } = await stat(folder.path);
  if ((mode & 0o700) !== 0o700) await chmod(folder.path, (mode & 0o777) | 0o700);
}

/** Returns null if it is gone, or is something else by now. */
export function openInside(around: Folder, name: Name): Folder | null {
  try {
    return openFolder(around, name);
  } catch (error) {
    ignoreChange(error);
    return null;
  }
}

function isGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

function ignoreGone(error: unknown): void {
  if (!isGone(error)) throw error;
}

/** It changed between our check and our action: the next pass checks again. */
function ignoreChange(error: unknown): void {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (!/^(?:ENOENT|ENOTDIR|EISDIR|ELOOP|ENOTEMPTY)$/.test(code)) throw error;
}

/** More entries than that take longer one by one than starting a program that deletes them. */
const manyEntries = 500;

/**
 * Deletes folders in the background, one after the other. One that cannot be deleted stays.
 * `whenDeleted` waits for those so far. `removeMany` deletes most of what is in a large one, faster
 * than we can: a Node process takes 0.1 ms for each file, and does nothing else meanwhile.
 */
export function makeBackgroundRemoval(removeMany: (path: string) => Promise<void>) {
  let last: Promise<void> = Promise.resolve();
  const remove = async (path: string) => {
    const budget = { left: manyEntries };
    await removeTree(path, budget);
    if (budget.left >= 0) return;
    await removeMany(path).catch(() => {}); // what it left is deleted one by one
    await removeTree(path);
  };
  return {
    deleteLater: (path: string): void => {
      last = last.then(() => remove(path)).catch(() => {}); // it stays; the next start tries again
    },
    whenDeleted: (): Promise<void> => last,
  };
}
