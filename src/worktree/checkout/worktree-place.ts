import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { copyFile, lstat, readFile, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { invariant } from "../../core/base/invariant.ts";
import { type Folder, openFile, withFolder } from "../../sandbox/files/open-folder.ts";
import { removeInside } from "../../sandbox/files/remove-tree.ts";
import type { Mirror } from "../mirror/open-mirror.ts";
import { throwAway } from "../mirror/throw-away.ts";

/**
 * Where the parts of a worktree lie. Git finds a worktree by its `.git` file, and that file belongs
 * to the agent; so we never read it, nor anything else that an agent may write. Our own records lie
 * in the mirror under the name of the worktree's folder:
 *
 *   deputy/NAME/path    its path: written first, deleted last. No record: not ours, never deleted.
 *   deputy/NAME/index   the index of our last checkout: it exists when that checkout was completed,
 *                       and its stat data and flags are ours alone. index-commit says of what.
 *   worktrees/NAME/     git's entry, for the agent's `git status` and `git log`; rewritten whole.
 *
 * Our own files are written synchronously: a dozen tiny calls take less time together than one trip
 * to the thread pool. A file that an agent may have swapped for a FIFO is never opened like that.
 */
export type Place = {
  name: string;
  path: string;
  record: string;
  index: string;
  admin: string;
};

export function placeOf(mirror: Mirror, path: string): Place {
  const name = basename(path);
  invariant(isAbsolute(path), `the worktree's path ${path} is not absolute`);
  invariant(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}$/.test(name), `${name} is no worktree's name`);
  const record = join(mirror.gitDir, "deputy", name);
  return {
    name,
    path,
    record,
    index: join(record, "index"),
    admin: join(mirror.gitDir, "worktrees", name),
  };
}

/** Whether there are a folder and the index of a checkout of ours in it. */
export function hasCheckout({ index, path }: Place): boolean {
  return existsSync(index) && existsSync(path);
}

/** The path that the record of this name holds, or null without one. */
export async function readRecord(place: Pick<Place, "record">): Promise<string | null> {
  return readText(join(place.record, "path"));
}

export async function writeRecord(place: Place): Promise<void> {
  mkdirSync(place.record, { recursive: true });
  const draft = join(place.record, `path-${randomUUID()}`);
  writeFileSync(draft, place.path);
  renameSync(draft, join(place.record, "path"));
}

/**
 * Writes git's entry and the worktree's `.git` file: detached at `commit`, nothing locked, nothing
 * in progress, no foreign files. A new entry appears whole, by one rename, so git commands that
 * list worktrees never see half of it (`git worktree add` makes them fail), and kill -9 leaves no
 * entry that is locked as "initializing".
 */
export async function writeAdmin(mirror: Mirror, place: Place, commit: string): Promise<void> {
  const files: [string, string][] = [
    ["HEAD", `${commit}\n`],
    ["commondir", "../..\n"],
    ["gitdir", `${join(place.path, ".git")}\n`],
  ];
  const draft = join(place.record, `admin-${randomUUID()}`);
  mkdirSync(draft, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(draft, name), text);
  mkdirSync(join(mirror.gitDir, "worktrees"), { recursive: true });
  await throwAway(mirror, place.admin);
  // All worktrees share these, and an agent without a sandbox can write them: git in the next
  // worktree would obey.
  for (const name of ["hooks", "config.worktree", join("info", "grafts")])
    await throwAway(mirror, join(mirror.gitDir, name));
  renameSync(draft, place.admin);
  await writeGitFile(place);
}

async function writeGitFile(place: Place): Promise<void> {
  const text = `gitdir: ${place.admin}\n`;
  await withFolder(place.path, "", async (folder) => {
    if (await holds(folder, ".git", text)) return;
    await removeInside(folder, ".git");
    await writeFile(folder.at(".git"), text, { flag: "wx" });
  });
}

async function holds(folder: Folder, name: string, text: string): Promise<boolean> {
  const file = await openFile(folder, name).catch(() => null); // deleted, or a link: rewritten
  if (!file) return false;
  try {
    const stats = await file.stat();
    return stats.isFile() && stats.size === text.length && (await file.readFile("utf8")) === text;
  } finally {
    await file.close();
  }
}

/**
 * A path for the index of a checkout; its folder is the only one of the mirror that its git may
 * write in.
 */
export function placeScratchIndex({ record }: Place): string {
  const folder = join(record, `checkout-${randomUUID()}`);
  mkdirSync(folder, { recursive: true });
  return join(folder, "index");
}

/** Make a finished checkout's index ours, and give the agent's git a copy. */
export async function publishIndex(place: Place, scratch: string, commit: string): Promise<void> {
  // Missing while the index changes, so that it never lies beside another commit's index.
  rmSync(commitFile(place), { force: true });
  const copy = join(place.record, `copy-${randomUUID()}`);
  await copyIndex(scratch, copy);
  renameSync(copy, join(place.admin, "index"));
  renameSync(scratch, place.index);
  rmSync(dirname(scratch), { recursive: true });
  writeFileSync(commitFile(place), commit);
}

/**
 * Copies an index with its times. Git compares whole seconds: a file that was changed within the
 * second of its checkout looks unchanged, and git reads it only because the index is no younger.
 */
export async function copyIndex(from: string, to: string): Promise<void> {
  const { atime, mtime } = await lstat(from);
  await copyFile(from, to);
  await utimes(to, atime, mtime);
}

/**
 * Calls `use` with a copy of the index that is younger than every file, so that git believes what it
 * recorded and reads no file again. Only for a place that nobody else knew while git wrote there: a
 * file that was written again within the second of its checkout would look unchanged.
 */
export async function withTrustedIndex<T>(
  place: Place,
  use: (at: Pick<Place, "index" | "path">) => Promise<T>,
): Promise<T> {
  const index = placeScratchIndex(place);
  try {
    await copyFile(place.index, index);
    await utimes(index, new Date(), new Date(Date.now() + 60 * 60_000));
    return await use({ index, path: place.path });
  } finally {
    rmSync(dirname(index), { recursive: true });
  }
}

/** The commit of our index of the worktree; null when unknown. */
export async function readIndexCommit(place: Place): Promise<string | null> {
  return readText(commitFile(place));
}

function commitFile({ record }: Place): string {
  return join(record, "index-commit");
}

/** Removes git's entry first and the record last, so that a crash in between leaves it findable. */
export async function removeRecord(mirror: Mirror, place: Place): Promise<void> {
  await throwAway(mirror, place.admin);
  await throwAway(mirror, place.record);
}

export async function readText(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(() => null); // missing or unreadable: the caller starts over
}
