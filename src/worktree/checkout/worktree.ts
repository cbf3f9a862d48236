import { lstat, mkdir, readdir, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { tidyLock, withRepositoryLock } from "../git/repository-lock.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { throwAway } from "../mirror/throw-away.ts";
import { findDifference } from "../read/find-difference.ts";
import { checkOut, type Submodules } from "./check-out.ts";
import {
  copyIndex,
  type Place,
  placeOf,
  placeScratchIndex,
  publishIndex,
  readRecord,
  readText,
  removeRecord,
  writeAdmin,
  writeRecord,
} from "./worktree-place.ts";

/**
 * The worktrees of a mirror: made, put back to a commit, removed. A worktree is known by the record
 * that is written before anything else (worktree-place.ts), so whatever a crash, an agent or a hand
 * left behind is recognised and repaired by the next call, and what has no record is never deleted.
 *
 * Each worktree has a lock of its own around all of it; the mirror's lock is held only for the
 * moment in which git's list of worktrees changes. Files are checked out by parallel workers outside.
 *
 * Whatever is made or put back here was compared with its commit before anybody gets it: what differs
 * is cleaned once more, and what differs then is an error that names the path.
 */

/**
 * Have a worktree at `path`, a folder that does not exist yet or is empty. One that is complete is
 * left as it is, work included ("existed"); after a crash the half-made one is made anew. Submodules are
 * filled with what the mirror has of them, unless they are to stay empty.
 */
export async function addWorktree(
  mirror: Mirror,
  path: string,
  commit: string,
  submodules: Submodules = "filled",
): Promise<"created" | "existed"> {
  const place = await locate(mirror, path);
  return withRepositoryLock(mirror, place.record, () => addAt(mirror, place, commit, submodules));
}

/**
 * Have a new worktree at `path`, which the caller knows to be its own, whatever is there: ignored
 * files, folders, modes and what git kept for it are those of a first checkout. Take a snapshot before.
 */
export async function renewWorktree(
  mirror: Mirror,
  path: string,
  commit: string,
  submodules: Submodules = "filled",
): Promise<void> {
  const place = await locate(mirror, path);
  await withRepositoryLock(mirror, place.record, async () => {
    await throwAway(mirror, place.path);
    await addAt(mirror, place, commit, submodules);
  });
}

/**
 * Know a folder again whose record was lost with its mirror, as a worktree of changes to `commit`; the
 * caller knows that it is its own. Files stay as they are. Nothing happens to one that is known.
 */
export async function adoptWorktree(mirror: Mirror, path: string, commit: string): Promise<void> {
  const place = await locate(mirror, path);
  await withRepositoryLock(mirror, place.record, async () => {
    if ((await readRecord(place)) !== null || !(await isFolder(place.path))) return;
    // The record last: with it the worktree counts as complete.
    await putIndexAt(mirror, place, commit);
    await writeRecord(place);
  });
}

/**
 * Make the files of the worktree what `commit` is: changed ones back, new ones gone, git repositories
 * that were made inside gone too. What the commit's own .gitignore ignores stays (installed
 * dependencies, caches). A worktree that was deleted by hand comes back. Take a snapshot before.
 */
export async function resetWorktree(
  mirror: Mirror,
  path: string,
  commit: string,
  submodules: Submodules = "filled",
): Promise<void> {
  const place = await locate(mirror, path);
  await withRepositoryLock(mirror, place.record, async () => {
    const wanted = submodules === "left" ? "filled" : submodules;
    if ((await addAt(mirror, place, commit, wanted)) === "created") return;
    await makeEqual(mirror, place, commit, async () => {
      await withRepositoryLock(mirror, mirror.gitDir, () => writeAdmin(mirror, place, commit));
      const scratch = placeScratchIndex(place);
      await copyIndex(place.index, scratch);
      await checkOut(mirror, { workTree: place.path, index: scratch, commit, submodules });
      await publishIndex(place, scratch, commit);
    });
  });
}

/**
 * Keep the files of a complete worktree, but let them be changes to another commit: HEAD and index
 * move there.
 */
export async function moveBase(mirror: Mirror, path: string, commit: string): Promise<void> {
  const place = await locate(mirror, path);
  await withRepositoryLock(mirror, place.record, () => putIndexAt(mirror, place, commit));
}

/**
 * Remove a worktree of ours, whatever state it is in. One that is gone already is fine. The folder is
 * gone when this returns; deleting its files, which takes long where they are many, goes on behind.
 */
export async function removeWorktree(mirror: Mirror, path: string): Promise<void> {
  const place = await locate(mirror, path);
  await withRepositoryLock(mirror, place.record, async () => {
    if ((await readRecord(place)) !== place.path) {
      if (await isEmpty(place.path)) return;
      throw notOurs(place);
    }
    await throwAway(mirror, place.path);
    await withRepositoryLock(mirror, mirror.gitDir, () => removeRecord(mirror, place));
  });
  await tidyLock(place.record);
}

/** The same for a path that the caller knows to be its own, recorded or not. */
export async function discardWorktree(mirror: Mirror, path: string): Promise<void> {
  await throwAway(mirror, path);
  await removeWorktree(mirror, path);
}

export type ListedWorktree = {
  path: string;
  /** The commit it was last put to; null when it was never completed. */
  commit: string | null;
  /** False when its folder was deleted by hand. */
  present: boolean;
};

/** The worktrees that this mirror has a record of. */
export async function listWorktrees(mirror: Mirror): Promise<ListedWorktree[]> {
  const folder = join(mirror.gitDir, "deputy");
  const listed: ListedWorktree[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const path = await readRecord({ record: join(folder, name) });
    if (path === null) continue; // a lock's folder
    const head = (await readText(join(mirror.gitDir, "worktrees", name, "HEAD")))?.trim();
    listed.push({ path, commit: head || null, present: await isFolder(path) });
  }
  return listed;
}

async function addAt(
  mirror: Mirror,
  place: Place,
  commit: string,
  submodules: Submodules,
): Promise<"created" | "existed"> {
  const recorded = await readRecord(place);
  if (recorded !== null && recorded !== place.path && !(await isEmpty(recorded))) {
    throw new Error(`The worktree's name ${place.name} is taken by ${recorded}.`);
  }
  if (recorded === place.path) {
    if ((await isThere(place.index)) && (await isFolder(place.path))) {
      if (!(await isThere(join(place.admin, "HEAD")))) await putIndexAt(mirror, place, commit);
      return "existed";
    }
    // No checkout was ever completed there, or it was deleted, or a link to elsewhere put there.
  } else if (!(await isEmpty(place.path))) {
    throw notOurs(place);
  }
  await makeEqual(mirror, place, commit, async () => {
    await throwAway(mirror, place.path);
    await removeRecord(mirror, place);
    await writeRecord(place);
    await mkdir(place.path, { recursive: true });
    await withRepositoryLock(mirror, mirror.gitDir, () => writeAdmin(mirror, place, commit));
    const scratch = placeScratchIndex(place);
    await checkOut(mirror, { workTree: place.path, index: scratch, commit, submodules });
    await publishIndex(place, scratch, commit);
  });
  return "created";
}

/** Nobody is given a worktree that is something else than `commit`: a second try, then an error. */
async function makeEqual(
  mirror: Mirror,
  place: Place,
  commit: string,
  make: () => Promise<void>,
): Promise<void> {
  for (const isLast of [false, true]) {
    await make();
    const path = await findDifference(mirror, place, commit);
    if (path === null) return;
    if (isLast)
      throw new Error(
        `The worktree ${place.path} differs from ${commit.slice(0, 10)} in ${path}, also after it was cleaned again: find what writes there and end it.`,
      );
  }
}

/** HEAD and index at a commit, whatever the files are; what git keeps for the worktree is made anew. */
async function putIndexAt(mirror: Mirror, place: Place, commit: string): Promise<void> {
  await withRepositoryLock(mirror, mirror.gitDir, () => writeAdmin(mirror, place, commit));
  const scratch = placeScratchIndex(place);
  if (await isThere(place.index)) await copyIndex(place.index, scratch);
  const git = openMirror(mirror, { workTree: place.path, index: scratch });
  await git.run(["read-tree", "--reset", "--end-of-options", commit]);
  await publishIndex(place, scratch, commit);
}

/** The place with links on the way to it resolved, so that the record always says the same. */
async function locate(mirror: Mirror, path: string): Promise<Place> {
  placeOf(mirror, path); // the name and the form of the path, before anything is made
  await mkdir(dirname(path), { recursive: true });
  return placeOf(mirror, join(await realpath(dirname(path)), basename(path)));
}

async function isEmpty(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => null);
  if (!stats) return true;
  return stats.isDirectory() && (await readdir(path)).length === 0;
}

/** Whether there is a folder with something in it; a link to one is none. */
async function isFolder(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => null);
  return stats?.isDirectory() === true && !(await isEmpty(path));
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function notOurs(place: Place): Error {
  return new Error(`${place.path} is no worktree of Deputy's and is not empty: it is left alone.`);
}
