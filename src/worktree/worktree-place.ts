import { randomUUID } from "node:crypto";
import { copyFile, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import { invariant } from "../core/invariant.ts";
import type { Mirror } from "./open-mirror.ts";
import { removeTree } from "./remove-tree.ts";

/**
 * Where the parts of a worktree lie. Git finds a worktree by its `.git` file, and that file belongs
 * to the agent; so we never read it, nor anything else that an agent may write. What we know of a
 * worktree is named by its folder's name and lies in the mirror:
 *
 *   deputy/NAME/path    whose it is: written first, deleted last. No record: not ours, never deleted.
 *   deputy/NAME/index   the index of our last checkout: it exists when that checkout was completed,
 *                       and its stat data and flags are ours alone. index-commit says of what.
 *   worktrees/NAME/     git's own entry, for the agent's `git status` and `git log`; rewritten whole.
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

/** The path that the record of this name holds, or null without one. */
export async function readRecord(place: Pick<Place, "record">): Promise<string | null> {
  return readText(join(place.record, "path"));
}

export async function writeRecord(place: Place): Promise<void> {
  await mkdir(place.record, { recursive: true });
  await replaceFile(join(place.record, "path"), place.path);
}

/**
 * Make git's entry and the worktree's `.git` file what they have to be: detached at `commit`,
 * nothing locked, nothing in progress, no file of anybody else's. A new entry appears whole, by one
 * rename, so git commands that list worktrees meanwhile never see half of it (`git worktree add`
 * makes them fail), and kill -9 leaves no entry that is locked as "initializing".
 */
export async function writeAdmin(mirror: Mirror, place: Place, commit: string): Promise<void> {
  const files: [string, string][] = [
    ["HEAD", `${commit}\n`],
    ["commondir", "../..\n"],
    ["gitdir", `${join(place.path, ".git")}\n`],
  ];
  const draft = join(place.record, `admin-${randomUUID()}`);
  await mkdir(draft, { recursive: true });
  for (const [name, text] of files) await writeFile(join(draft, name), text);
  await mkdir(join(mirror.gitDir, "worktrees"), { recursive: true });
  const old = join(place.record, `old-${randomUUID()}`);
  await rename(place.admin, old).catch(ignoreMissing);
  await rename(draft, place.admin);
  await rm(old, { recursive: true, force: true });
  await writeGitFile(place);
}

async function writeGitFile(place: Place): Promise<void> {
  const file = join(place.path, ".git");
  const text = `gitdir: ${place.admin}\n`;
  const stats = await lstat(file).catch(() => null); // deleted: written anew
  if (stats?.isFile() && stats.size === text.length && (await readText(file)) === text) return;
  await removeTree(file);
  await writeFile(file, text, { flag: "wx" });
}

/** Make a finished checkout's index ours, and give the agent's git a copy. */
export async function publishIndex(place: Place, scratch: string, commit: string): Promise<void> {
  // Never beside an index of another commit: it is missing while the index changes.
  await rm(commitFile(place), { force: true });
  const copy = join(place.record, `copy-${randomUUID()}`);
  await copyFile(scratch, copy);
  await rename(copy, join(place.admin, "index"));
  await rename(scratch, place.index);
  await writeFile(commitFile(place), commit);
}

/** The commit that our index of the worktree is of; null when that is not known. */
export async function readIndexCommit(place: Place): Promise<string | null> {
  return readText(commitFile(place));
}

function commitFile({ record }: Place): string {
  return join(record, "index-commit");
}

/** Forget a worktree: git's entry first, the record last. */
export async function removeRecord(place: Place): Promise<void> {
  await removeTree(place.admin);
  // Its path goes last, so that a crash in between leaves the rest findable.
  for (const name of await readdir(place.record).catch(() => [])) {
    if (name !== "path") await rm(join(place.record, name), { recursive: true, force: true });
  }
  await rm(place.record, { recursive: true, force: true });
}

export async function readText(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(() => null); // missing or unreadable: the caller starts afresh
}

async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}-${randomUUID()}`;
  await writeFile(draft, text);
  await rename(draft, path);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
