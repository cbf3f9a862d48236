import { lstat, mkdir, readdir, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Sparse } from "../../core/settings/sparse.ts";
import { tidyLock, withRepositoryLock } from "../git/repository-lock.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { throwAway } from "../mirror/throw-away.ts";
import { findDifference } from "../read/find-difference.ts";
import { checkOut, type Submodules } from "./check-out.ts";
import { findSparse, readSparse, type SparseRecord, writeSparse } from "./sparse.ts";
import { holdDifferent, markAbsent } from "./sparse-index.ts";
import { removeHome } from "./worktree-home.ts";
import {
  copyIndex,
  type Place,
  placeOf,
  placeScratchIndex,
  publishIndex,
  readRecord,
  readText,
  removeRecord,
  withTrustedIndex,
  writeAdmin,
  writeRecord,
} from "./worktree-place.ts";

/**
 * The worktrees of a mirror: created, reset to a commit, removed. The record is written before
 * anything else (worktree-place.ts), so whatever a crash, an agent or a person left behind is
 * recognised and repaired by the next call, and nothing without a record is deleted.
 *
 * Each worktree has a lock of its own around all of it; the mirror's lock is held only while git's
 * list of worktrees changes. Files are checked out by parallel workers outside.
 *
 * Each created or reset worktree is compared with its commit before it is used: differences are
 * cleaned once more, and what differs then is an error that names the path.
 */

/**
 * Creates a worktree at `path`, a folder that does not exist yet or is empty. A complete one is
 * left as it is, work included ("existed"); one half made by a crash is recreated. Submodules are
 * filled with what the mirror has of them, unless they must stay empty. `sparse`: the part of the
 * tree that it holds; null: all of it.
 */
export async function addWorktree(
  mirror: Mirror,
  path: string,
  commit: string,
  submodules: Submodules = "filled",
  sparse: Sparse | null = null,
): Promise<"created" | "existed"> {
  const place = await locate(mirror, path);
  const add = () => addAt(mirror, place, commit, submodules, sparse);
  return withRepositoryLock(mirror, place.record, add);
}

/**
 * Recreates the worktree at `path`, which the caller knows to be its own, whatever is there:
 * ignored files, folders, modes and git's records are those of a first checkout. Take a snapshot
 * first.
 */
export async function renewWorktree(
  mirror: Mirror,
  path: string,
  commit: string,
  submodules: Submodules = "filled",
  sparse: Sparse | null = null,
): Promise<void> {
  const place = await locate(mirror, path);
  await withRepositoryLock(mirror, place.record, async () => {
    await throwAway(mirror, place.path);
    await addAt(mirror, place, commit, submodules, sparse);
  });
}

/**
 * Registers a folder again whose record was lost with its mirror, as a worktree of changes to
 * `commit`; the caller knows that it is its own. Files stay as they are. A known one is left alone.
 * `sparse`: the part of the tree that it held; else what it lacks would count as deleted.
 */
export async function adoptWorktree(
  mirror: Mirror,
  path: string,
  commit: string,
  sparse: Sparse | SparseRecord | null,
): Promise<void> {
  const place = await locate(mirror, path);
  await withRepositoryLock(mirror, place.record, async () => {
    if ((await readRecord(place)) !== null || !(await isFolder(place.path))) return;
    // What was taken over from a broken mirror knows more (repair-mirror.ts). Else what it held beyond
    // its folders is not known: what is not there deletes nothing.
    const held = readSparse(mirror, place.path) ?? sparse;
    const at = held && "base" in held ? held.base : commit;
    await recordSparse(mirror, place, at, held);
    // The record last: with it the worktree counts as complete.
    await putIndexAt(mirror, place, commit);
    await writeRecord(place);
  });
}

/**
 * Adopts a sparse worktree that the mirror does not know; for every reader of its changes, because the
 * mirror may have been made anew at any time. A known or whole one is left as it is: without a record
 * all of a whole one is read, which tells its changes as well.
 */
export async function adoptSparse(
  mirror: Mirror,
  path: string,
  commit: string,
  sparse: Sparse | null,
): Promise<void> {
  if (sparse === null || (await readRecord(placeOf(mirror, path))) !== null) return;
  await adoptWorktree(mirror, path, commit, sparse);
}

/**
 * Resets the files of the worktree to `commit`: changed ones are restored; new ones, and git
 * repositories that were made inside, are removed. What the commit's own .gitignore ignores stays
 * (installed dependencies, caches). A worktree that was deleted by hand is recreated. Take a
 * snapshot before. `sparse` as for addWorktree; null: as it is.
 */
export async function resetWorktree(
  mirror: Mirror,
  path: string,
  commit: string,
  submodules: Submodules = "filled",
  sparse: Sparse | null = null,
): Promise<void> {
  const place = await locate(mirror, path);
  await withRepositoryLock(mirror, place.record, async () => {
    const wanted = submodules === "left" ? "filled" : submodules;
    const held = sparse ?? readSparse(mirror, place.path);
    if ((await addAt(mirror, place, commit, wanted, held)) === "created") return;
    await recordSparse(mirror, place, commit, held);
    await makeEqual(mirror, place, commit, true, async () => {
      await withRepositoryLock(mirror, mirror.gitDir, () => writeAdmin(mirror, place, commit));
      const scratch = placeScratchIndex(place);
      await copyIndex(place.index, scratch);
      await checkOut(mirror, { workTree: place.path, index: scratch, commit, submodules });
      await publishIndex(place, scratch, commit);
    });
  });
}

/**
 * Keeps the files of a complete worktree, but moves HEAD and index to another commit. What a sparse
 * one does not hold and is another in that commit is kept, too: it is in the worktree from now on.
 */
export async function moveBase(mirror: Mirror, path: string, commit: string): Promise<void> {
  const place = await locate(mirror, path);
  await withRepositoryLock(mirror, place.record, async () => {
    await holdDifferent(mirror, place, commit);
    await putIndexAt(mirror, place, commit);
  });
}

/**
 * Removes a worktree of ours in any state; one that is gone already is fine. The folder is gone
 * when this returns; deleting many files continues in the background.
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

/** Removes the worktree at a path that the caller knows to be its own, recorded or not, and its home. */
export async function discardWorktree(mirror: Mirror, path: string): Promise<void> {
  await removeHome(mirror, path);
  await throwAway(mirror, path);
  await removeWorktree(mirror, path);
}

export type ListedWorktree = {
  path: string;
  /** The commit of its last checkout; null when it was never completed. */
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
  sparse: Sparse | SparseRecord | null,
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
    // No checkout was completed there, it was deleted, or a link to elsewhere replaced it.
  } else if (!(await isEmpty(place.path))) {
    throw notOurs(place);
  }
  const isKnown = recorded !== null;
  await makeEqual(mirror, place, commit, isKnown, async () => {
    await throwAway(mirror, place.path);
    await removeRecord(mirror, place);
    await writeRecord(place);
    await recordSparse(mirror, place, commit, sparse);
    await mkdir(place.path, { recursive: true });
    await withRepositoryLock(mirror, mirror.gitDir, () => writeAdmin(mirror, place, commit));
    const scratch = placeScratchIndex(place);
    await checkOut(mirror, { workTree: place.path, index: scratch, commit, submodules });
    await publishIndex(place, scratch, commit);
  });
  return "created";
}

/**
 * No caller gets a worktree that differs from `commit`: retries once, then throws. `isKnown`: a process
 * from before may know the place and write there.
 */
async function makeEqual(
  mirror: Mirror,
  place: Place,
  commit: string,
  isKnown: boolean,
  make: () => Promise<void>,
): Promise<void> {
  const look = (at: Pick<Place, "index" | "path">) => findDifference(mirror, at, commit);
  for (const isLast of [false, true]) {
    await make();
    const path = isKnown ? await look(place) : await withTrustedIndex(place, look);
    if (path === null) return;
    if (isLast)
      throw new Error(
        `The worktree ${place.path} differs from ${commit.slice(0, 10)} in ${path}, also after it was cleaned again: find what writes there and end it.`,
      );
  }
}

/** Sets HEAD and index to a commit, whatever the files are; git's entry is rewritten. */
async function putIndexAt(mirror: Mirror, place: Place, commit: string): Promise<void> {
  await withRepositoryLock(mirror, mirror.gitDir, () => writeAdmin(mirror, place, commit));
  const scratch = placeScratchIndex(place);
  if (await isThere(place.index)) await copyIndex(place.index, scratch);
  const git = openMirror(mirror, { workTree: place.path, index: scratch });
  await git.run(["read-tree", "--reset", "--end-of-options", commit]);
  const sparse = readSparse(mirror, place.path);
  if (sparse) await markAbsent(git, sparse);
  await publishIndex(place, scratch, commit);
}

async function recordSparse(
  mirror: Mirror,
  place: Place,
  commit: string,
  sparse: Sparse | SparseRecord | null,
): Promise<void> {
  if (sparse === null) return;
  const record = "files" in sparse ? sparse : await findSparse(mirror, sparse, commit);
  writeSparse(mirror, place.path, record);
}

/** Resolves links on the way to the place, so that the record is always the same. */
async function locate(mirror: Mirror, path: string): Promise<Place> {
  placeOf(mirror, path); // checks the name and the path before anything is created
  await mkdir(dirname(path), { recursive: true });
  return placeOf(mirror, join(await realpath(dirname(path)), basename(path)));
}

async function isEmpty(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => null);
  if (!stats) return true;
  return stats.isDirectory() && (await readdir(path)).length === 0;
}

/** Whether a non-empty folder is there; a link to one does not count. */
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
