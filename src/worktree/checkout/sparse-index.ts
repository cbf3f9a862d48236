import { lstat } from "node:fs/promises";
import { splitPath, withFolder } from "../../sandbox/files/open-folder.ts";
import { removeInside } from "../../sandbox/files/remove-tree.ts";
import { join0 } from "../commits/worktree-changes.ts";
import type { Git } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";
import { fetchFilesAt } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { findOutside, isHeld, readSparse, type SparseRecord, writeSparse } from "./sparse.ts";
import {
  copyIndex,
  type Place,
  placeScratchIndex,
  publishIndex,
  readIndexCommit,
} from "./worktree-place.ts";

/** What git's own sparse checkout leaves to us in the index of a sparse worktree; see sparse.ts. */

/** Checks out the files beyond the patterns, as the index has them. One that is there is left alone. */
export async function bringFiles(git: Git, files: ReadonlySet<string>): Promise<void> {
  if (files.size === 0) return;
  const absent = (await listEntries(git))
    .filter(({ isHere, path }) => !isHere && files.has(path))
    .map(({ path }) => path);
  if (absent.length === 0) return;
  const input = join0(absent);
  await git.run(["update-index", "--no-skip-worktree", "-z", "--stdin"], { input });
  await git.run(["checkout-index", "--force", "--index", "-z", "--stdin"], { input });
}

/** Brings what a sparse worktree does not hold, and is another in `commit`, as its index has it. */
export async function holdDifferent(mirror: Mirror, place: Place, commit: string): Promise<void> {
  const sparse = readSparse(mirror, place.path);
  const from = sparse && (await readIndexCommit(place));
  if (!from) return;
  const outside = await findOutside(mirror, sparse.folders, from, commit);
  const files = new Set(outside.filter((path) => !isHeld(sparse, path)));
  if (files.size === 0) return;
  await fetchFilesAt(mirror, from, (path) => files.has(path));
  const scratch = placeScratchIndex(place);
  await copyIndex(place.index, scratch);
  const git = openMirror(mirror, { workTree: place.path, index: scratch, writes: true });
  await bringFiles(git, files);
  writeSparse(mirror, place.path, { ...sparse, files: new Set([...sparse.files, ...files]) });
  await publishIndex(place, scratch, from);
}

/** Marks the entries of what the worktree does not hold, after the index was read without checkout. */
export async function markAbsent(git: Git, sparse: SparseRecord): Promise<void> {
  const absent = (await listEntries(git)).filter(
    ({ isHere, path }) => isHere && !isHeld(sparse, path),
  );
  if (absent.length === 0) return;
  const input = join0(absent.map(({ path }) => path));
  await git.run(["update-index", "--skip-worktree", "-z", "--stdin"], { input });
}

/** Removes folders that stand where the commit has a file that is not here: git leaves them. */
export async function clearFolders(git: Git, root: string, sparse: SparseRecord): Promise<void> {
  const args = ["diff-files", "-z", "--name-only", "--diff-filter=D", "--ignore-submodules=all"];
  for (const path of (await ask(git, args)).filter((one) => !isHeld(sparse, one))) {
    const { folder, name } = splitPath(Buffer.from(path, "latin1"));
    await withFolder(root, folder, async (inside) => {
      if ((await lstat(inside.at(name))).isDirectory()) await removeInside(inside, name);
    }).catch((error: NodeJS.ErrnoException) => {
      // Gone meanwhile, or behind a link, which git replaces.
      if (!/^(?:ENOENT|ENOTDIR|ELOOP)$/.test(error.code ?? "")) throw error;
    });
  }
}

async function listEntries(git: Git): Promise<{ path: string; isHere: boolean }[]> {
  const lines = await ask(git, ["ls-files", "-t", "-z"]);
  return lines.map((line) => ({ path: line.slice(2), isHere: !line.startsWith("S") }));
}

async function ask(git: Git, args: string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await git.ask(args);
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  return stdout.toString("latin1").split("\0").filter(Boolean);
}
