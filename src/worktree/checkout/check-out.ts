import { readdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { type Folder, withFolder } from "../../sandbox/files/open-folder.ts";
import { emptyFolder, removeInside, removeTree } from "../../sandbox/files/remove-tree.ts";
import { makeTempFolder } from "../../sandbox/files/temp.ts";
import { allowMissingLfs } from "../content/lfs-missing.ts";
import { findSubmodule, listSubmodules } from "../content/submodules.ts";
import { GitFailure } from "../git/git-failure.ts";
import { fetchFilesAt } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { findDifference } from "../read/find-difference.ts";
import { isHeld, readSparse, type SparseRecord } from "./sparse.ts";
import { bringFiles, clearFolders } from "./sparse-index.ts";

/**
 * Checks out a commit into a folder in which an agent may have done anything. The index is a
 * scratch copy of ours: one within an agent's reach may mark changed files as unchanged. Git writes
 * in parallel, replaces links on the way by folders instead of following them, and knows no filter
 * but Git LFS (open-mirror.ts). What git refuses to remove is removed here. Submodules are filled
 * with what the mirror has of them, as plain files without a repository of their own.
 */
export type CheckOut = {
  workTree: string;
  /** The worktree that contains it, for a submodule; default: `workTree` itself. */
  root?: string;
  /** The index of the last checkout there, or not existing yet; afterwards that of `commit`. */
  index: string;
  commit: string;
  /** Default: filled. */
  submodules?: Submodules;
};

/** How submodule folders are treated: filled, emptied, or left as they are. */
export type Submodules = "filled" | "empty" | "left";

export async function checkOut(mirror: Mirror, what: CheckOut): Promise<void> {
  await allowMissingLfs(mirror, what.commit);
  await checkOutFiles(mirror, what);
  const { commit, submodules = "filled", workTree, root = workTree } = what;
  if (submodules === "left") return;
  const sparse = sparseAt(mirror, what);
  for (const submodule of await listSubmodules(mirror, commit)) {
    if (sparse && !isHeld(sparse, Buffer.from(submodule.path).toString("latin1"))) continue;
    const content = submodules === "filled" ? await findSubmodule(mirror, submodule) : null;
    await fillSubmodule(mirror, root, join(relative(root, workTree), submodule.path), content);
  }
}

/** A submodule is whole, also in a sparse worktree. */
function sparseAt(mirror: Mirror, { root, workTree }: CheckOut): SparseRecord | null {
  return root === undefined || root === workTree ? readSparse(mirror, workTree) : null;
}

async function fillSubmodule(
  mirror: Mirror,
  root: string,
  path: string,
  content: string | null,
): Promise<void> {
  const clear = (folder: Folder) =>
    content === null ? emptyFolder(folder) : removeInside(folder, ".git");
  await withFolder(root, path, clear, { make: 0o777, clear: true });
  if (content === null) return;
  const scratch = await makeTempFolder("index");
  const place = { path: join(root, path), index: join(scratch, "index") };
  try {
    await checkOut(mirror, { root, workTree: place.path, index: place.index, commit: content });
    const differs = await findDifference(mirror, place, content);
    if (differs !== null)
      throw new Error(`The submodule ${place.path} differs from its commit in ${differs}.`);
  } finally {
    await removeTree(scratch);
  }
}

async function checkOutFiles(mirror: Mirror, what: CheckOut): Promise<void> {
  try {
    await attempt(mirror, what);
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    // Folders without write permission, or repositories in the way of files: empty it and retry.
    const { workTree, root = workTree } = what;
    const empty = (folder: Folder) => emptyFolder(folder, [".git"]);
    await withFolder(root, relative(root, workTree), empty);
    await attempt(mirror, what);
  }
}

async function attempt(mirror: Mirror, what: CheckOut): Promise<void> {
  const { workTree, root = workTree, index, commit } = what;
  const git = openMirror(mirror, { root, workTree, index, writes: true });
  const names = await withFolder(root, relative(root, workTree), ({ path }) => readdir(path));
  const isFresh = names.every((name) => name === ".git");
  const sparse = sparseAt(mirror, what);
  await fetchFilesAt(mirror, commit, (path) => sparse === null || isHeld(sparse, path));
  if (sparse && !isFresh) await clearFolders(git, workTree, sparse);
  await git.run([
    "read-tree",
    "--reset",
    "-u",
    "--no-recurse-submodules",
    "--end-of-options",
    commit,
  ]);
  if (sparse) await bringFiles(git, sparse.files);
  if (isFresh) return;
  // Twice -f: also removes repositories that were made inside.
  await git.run(["clean", "--quiet", "-d", "-f", "-f"]);
  await removeNestedRepositories(mirror, what);
}

/** Deletes `.git` from folders with tracked files, which `clean` overlooks. */
async function removeNestedRepositories(
  mirror: Mirror,
  { workTree, root = workTree, index }: CheckOut,
): Promise<void> {
  const git = openMirror(mirror, { root, workTree, index });
  const { stdout } = await git.ask(["ls-files", "--stage", "-z"]);
  const folders = new Set<string>();
  // latin1 keeps bytes that are no UTF-8 as they are.
  for (const line of stdout.toString("latin1").split("\0")) {
    const path = line.slice(line.indexOf("\t") + 1);
    for (let up = dirname(path); up !== "." && !folders.has(up); up = dirname(up)) folders.add(up);
  }
  for (const folder of folders) {
    const path = Buffer.from(`${relative(root, workTree)}/`);
    const nested = Buffer.concat([path, Buffer.from(folder, "latin1")]);
    await ifThere(root, nested, (inside) => removeInside(inside, ".git"));
  }
}

/** Runs `use` on a folder of the worktree, if it exists. */
async function ifThere(
  root: string,
  path: Buffer,
  use: (folder: Folder) => Promise<void>,
): Promise<void> {
  await withFolder(root, path, use).catch((error) => {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
  });
}
