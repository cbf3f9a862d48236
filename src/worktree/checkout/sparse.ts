import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isInPart, type Sparse } from "../../core/settings/sparse.ts";
import { foldersAround } from "../commits/edit-tree.ts";
import { fetchFilesAt } from "../mirror/fetch-missing.ts";
import { type Mirror, sparseFolder } from "../mirror/open-mirror.ts";
import { diffTrees } from "../read/diff-trees.ts";

/**
 * Worktrees that hold a part of the tree. Git does it: our index has every entry, those outside of
 * the part marked as not here (skip-worktree), and the folder of our record is the git directory of
 * our commands, so that each worktree has patterns of its own. Git takes the mark from a file that
 * is here all the same, so what an agent writes outside is a change; what is not here is unchanged,
 * never deleted.
 *
 *   deputy/NAME/info/sparse-checkout   the folders, for git; HEAD and commondir make it a git directory
 *   deputy/NAME/sparse                 the folders and files, for us
 *
 * The files are what the worktree's commit changed outside since the base of the work: what was done
 * before, or both sides of a conflict. They are ordinary files there, and can be deleted.
 */
export type SparseRecord = {
  /** Paths are bytes in latin1 strings, as in worktree-changes.ts. */
  folders: readonly string[];
  files: ReadonlySet<string>;
};

/** Null: the worktree is whole. */
export function readSparse(mirror: Mirror, workTree: string): SparseRecord | null {
  const folder = sparseFolder(mirror, workTree);
  if (folder === null) return null;
  const { files, folders } = JSON.parse(readFileSync(join(folder, "sparse"), "latin1"));
  return { folders, files: new Set(files) };
}

/** Records how a worktree is sparse; before anything is checked out. */
export function writeSparse(mirror: Mirror, workTree: string, record: SparseRecord): void {
  const folder = join(mirror.gitDir, "deputy", basename(workTree));
  mkdirSync(join(folder, "info"), { recursive: true });
  const write = (name: string, text: string) => {
    const draft = join(folder, `draft-${randomUUID()}`);
    writeFileSync(draft, text, "latin1");
    renameSync(draft, join(folder, name));
  };
  write("sparse", JSON.stringify({ folders: record.folders, files: [...record.files] }));
  write("HEAD", "ref: refs/heads/none\n");
  write("commondir", "../..\n");
  // The last: it makes the worktree a sparse one.
  write(join("info", "sparse-checkout"), writePatterns(record.folders));
}

/** What a sparse worktree of this commit holds. */
export async function findSparse(
  mirror: Mirror,
  { base, folders: names }: Sparse,
  commit: string,
): Promise<SparseRecord> {
  const folders = toLatin1(names);
  const files = await findOutside(mirror, folders, base, commit);
  return { folders, files: new Set(files) };
}

/** Fetches what the worktrees of a base will hold into a partial mirror; no folders: all of it. */
export async function fetchPart(
  mirror: Mirror,
  commit: string,
  names: readonly string[],
): Promise<void> {
  const folders = toLatin1(names);
  const isHeld = (path: string) => folders.length === 0 || isInPart(folders, path);
  await fetchFilesAt(mirror, commit, isHeld);
}

/** The paths outside of the folders in which two commits differ. */
export async function findOutside(
  mirror: Mirror,
  folders: readonly string[],
  from: string,
  to: string,
): Promise<string[]> {
  if (from === to) return [];
  return [...(await diffTrees(mirror, from, to)).keys()].filter((path) => !isInPart(folders, path));
}

/** Whether what a commit has at this path is in the worktree. */
export function isHeld({ files, folders }: SparseRecord, path: string): boolean {
  return isInPart(folders, path) || files.has(path);
}

/** Git's cone mode: each folder with all below it, and the files in the folders around it. */
function writePatterns(folders: readonly string[]): string {
  const around = new Set(folders.flatMap(foldersAround));
  const parents = [...around].flatMap((folder) => [`/${folder}/`, `!/${folder}/*/`]);
  return ["/*", "!/*/", ...parents, ...folders.map((folder) => `/${folder}/`), ""].join("\n");
}

const toLatin1 = (names: readonly string[]) =>
  names.map((name) => Buffer.from(name).toString("latin1"));
