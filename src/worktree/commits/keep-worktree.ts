import type { Stats } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import type { Sparse } from "../../core/settings/sparse.ts";
import {
  type Folder,
  openFile,
  openFolder,
  readWhole,
  splitPath,
} from "../../sandbox/files/open-folder.ts";
import { isHeld, readSparse } from "../checkout/sparse.ts";
import {
  compareStatSnapshots,
  listIgnored,
  type StatSnapshot,
  takeStatSnapshot,
  tickMs,
} from "../checkout/stat-snapshot.ts";
import { adoptSparse } from "../checkout/worktree.ts";
import { type Place, placeOf, readIndexCommit } from "../checkout/worktree-place.ts";
import { hasCommit, pinRef } from "../mirror/mirror.ts";
import { identifyMirror, type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { treeOf } from "../read/read-commit.ts";
import { editTree, findEntry, type KnownTrees, type TreeEntry } from "./edit-tree.ts";
import { snapshotWorktree } from "./snapshot.ts";
import { findChanges, type Skipped } from "./worktree-changes.ts";
import { writeCommit, writeObject } from "./write-object.ts";

/**
 * Makes commits of the same trees as `snapshotWorktree`, for callers that make one after every tool call:
 * earlier results are cached, so git is asked only what changed, and not even that when the caller
 * knows. Anything unusual (attributes that change what git stores, large or very many files, an
 * index of another base, any error) is left to `snapshotWorktree`. No ref is moved: pin it to keep
 * it.
 */
export type WorktreeKeeper = {
  /**
   * Returns the worktree as a commit on the last one, so that a ref to it keeps all before it; the
   * last one itself when nothing changed since. `changed`: the only files, by paths below the root,
   * that can differ from the last commit; null: any can.
   */
  keep(changed: readonly string[] | null): Promise<string>;
};

export type KeepOptions = {
  path: string;
  base: string;
  /** The commit that the worktree holds now. */
  last: string;
  message: string;
  /** As for `snapshotWorktree`. */
  sparse?: Sparse | null;
};

/** One such commit, and the paths that it leaves out. */
export type KeptWorktree = { commit: string; skipped: Skipped[] };

/**
 * Makes one such commit on the base, which is the base itself when nothing changed, and pins it to a
 * ref; null: to none. Nothing is cached, because nothing follows.
 */
export async function keepWorktree(
  mirror: Mirror,
  { base, message, path, ref, sparse = null }: Omit<KeepOptions, "last"> & { ref: string | null },
): Promise<KeptWorktree> {
  const place = placeOf(mirror, path);
  const read = async () =>
    (await mayWriteTree(mirror, place, base, sparse))
      ? readChanges(mirror, place, base, new Map())
      : null;
  const found = await read().catch(() => null); // snapshotWorktree retries, and reports errors
  const { skipped, tree } =
    found === null || found === "attributes"
      ? await snapshotWorktree(mirror, path, { parent: base, message, sparse })
      : found;
  const isBase = tree === (await treeOf(mirror, base));
  const commit = isBase ? base : await writeCommit(mirror, { tree, parent: base, message });
  if (ref !== null) await pinRef(mirror, ref, commit);
  return { commit, skipped };
}

export function openWorktreeKeeper(mirror: Mirror, options: KeepOptions): WorktreeKeeper {
  const { path: workTree, base, message, sparse = null } = options;
  const place = placeOf(mirror, workTree);
  const seen: SeenFiles = new Map();
  let last = { commit: options.last, tree: null as string | null };
  /** The mirror that has them: a broken one is replaced while an agent runs. */
  let inMirror: string | null = null;
  /** Taken no later than the files of the last tree were read, so that later changes show. */
  let stats: StatSnapshot | null = null;
  let ignored: Set<string> | null = null;
  /** How often in a row there was no stat snapshot: in a large tree there never is. */
  let misses = 0;
  /** The agent added attributes of its own: git itself must store the files. */
  let hasAttributes = false;

  /**
   * The files that can differ from the last tree; null: any can. Then the ignored paths may have
   * changed, too, and are listed again before the next stat snapshot.
   */
  const findChanged = async (): Promise<string[] | null> => {
    const before = stats;
    stats = null;
    const now = before && ignored ? await takeStatSnapshot(workTree, ignored) : null;
    const changed = before && now ? compareStatSnapshots(before, now) : null;
    if (changed?.some(isRule) === false) {
      stats = now;
      return changed;
    }
    if (misses >= maxMisses) return null;
    ignored = await listIgnored(mirror, { workTree, index: place.index });
    stats = await takeStatSnapshot(workTree, ignored);
    misses = stats === null ? misses + 1 : 0;
    return null;
  };

  const lastTree = async () => last.tree ?? treeOf(mirror, last.commit);

  /** The current tree, or null when `snapshotWorktree` must make it. */
  const readTree = async (named: readonly string[] | null): Promise<string | null> => {
    if (!(await mayWriteTree(mirror, place, base, sparse))) return null;
    const trees = knownTrees(mirror);
    const paths =
      named?.map((path) => Buffer.from(path).toString("latin1")) ?? (await findChanged());
    if (paths !== null && !hasAttributes) {
      const tree = await lastTree();
      const set = await readFiles(mirror, seen, workTree, paths);
      // A new path may be ignored: git decides.
      const there = await Promise.all(paths.map((path) => findEntry(mirror, trees, tree, path)));
      if (set?.size === paths.length && there.every((entry) => entry && isFile(entry))) {
        return editTree(mirror, trees, tree, { set, gone: [] });
      }
    }
    const all = await readChanges(mirror, place, base, seen);
    hasAttributes ||= all === "attributes";
    return all === null || all === "attributes" ? null : all.tree;
  };

  /** Forgets what another mirror had, so that no commit names what is missing in this one. */
  const checkMirror = async () => {
    const now = identifyMirror(mirror);
    if (now === inMirror) return;
    inMirror = now;
    seen.clear();
    stats = null;
    if (last.commit !== base && !(await hasCommit(mirror, last.commit)))
      last = { commit: base, tree: null };
  };

  return {
    keep: async (changed) => {
      await checkMirror();
      // Such as a file being written at this moment: snapshotWorktree retries, and reports errors.
      const tree =
        (await readTree(changed).catch(() => null)) ??
        (await snapshotWorktree(mirror, workTree, { parent: base, message, sparse })).tree;
      if (tree !== (await lastTree())) {
        const commit = await writeCommit(mirror, { tree, parent: last.commit, message });
        last = { commit, tree };
      }
      return last.commit;
    },
  };
}

const maxMisses = 3;

/** Whether the tree of this worktree may be made here, and not by git. */
async function mayWriteTree(
  mirror: Mirror,
  place: Place,
  base: string,
  sparse: Sparse | null,
): Promise<boolean> {
  const { index, path } = place;
  // Deleted, or replaced by a link to elsewhere, which git would follow.
  if (!(await lstat(path)).isDirectory()) return false;
  await adoptSparse(mirror, path, base, sparse);
  if ((await readIndexCommit(place)) !== base) return false;
  return !(await readHasAttributes(mirror, index, base));
}

/**
 * The base's tree with all that differs from it, and what cannot be in it; "attributes": the agent
 * added some of its own; null: for another reason git itself has to make the tree.
 */
async function readChanges(
  mirror: Mirror,
  place: Place,
  base: string,
  seen: SeenFiles,
): Promise<{ tree: string; skipped: Skipped[] } | "attributes" | null> {
  const { path: workTree, index } = place;
  const asked = identifyMirror(mirror);
  const changes = await findChanges(mirror, { workTree, index }, false);
  if ([...changes.present, ...changes.gone].some(isAttributes)) return "attributes";
  const set = await readFiles(mirror, seen, workTree, changes.present);
  if (!set) return null;
  const vanished = changes.present.filter((path) => !set.has(path));
  // What stood for a file that a sparse worktree does not hold deletes nothing: git tells.
  const sparse = vanished.length > 0 ? readSparse(mirror, workTree) : null;
  if (sparse && !vanished.every((path) => isHeld(sparse, path))) return null;
  const gone = [...changes.gone, ...vanished];
  const baseTree = await treeOf(mirror, base);
  const tree = await editTree(mirror, knownTrees(mirror), baseTree, { set, gone });
  if (identifyMirror(mirror) !== asked) return null; // parts of two mirrors
  return { tree, skipped: changes.skipped };
}

/** Every change in a folder of many files adds all of its entries again. */
const maxKnownEntries = 10_000;

/**
 * The cached trees of a mirror: tasks with the same base change the same folders. A cache that grew
 * too large is replaced; a caller that uses it at this moment keeps it.
 */
function knownTrees({ gitDir, trees }: Mirror): KnownTrees {
  const known = trees.get(gitDir);
  if (known && countEntries(known) <= maxKnownEntries) return known;
  const fresh: KnownTrees = new Map();
  trees.set(gitDir, fresh);
  return fresh;
}

function countEntries(trees: KnownTrees): number {
  let count = 0;
  for (const entries of trees.values()) count += entries.size;
  return count;
}

function isFile({ mode }: TreeEntry): boolean {
  return mode.startsWith("100");
}

/** Files by which git decides about other files. */
function isRule(path: string): boolean {
  return isAttributes(path) || path === ".gitignore" || path.endsWith("/.gitignore");
}

function isAttributes(path: string): boolean {
  return path === ".gitattributes" || path.endsWith("/.gitattributes");
}

/** Whether a commit has attributes, by which git may store other bytes than those of the file. */
function readHasAttributes(mirror: Mirror, index: string, commit: string): Promise<boolean> {
  const read = async () => {
    const git = openMirror(mirror, { index, literalPathspecs: false });
    return (await git.run(["ls-files", "-z", "--", ":(glob)**/.gitattributes"])) !== "";
  };
  return mirror.reads.read("attributes", `${mirror.gitDir}\n${commit}`, () => 1, read);
}

type SeenFiles = Map<string, { look: string; entry: TreeEntry }>;

const maxFiles = 200;
const maxBytes = 1024 * 1024;

/** The entries of these files, written as blobs, without missing ones. Null: too much. */
async function readFiles(
  mirror: Mirror,
  seen: SeenFiles,
  workTree: string,
  paths: readonly string[],
): Promise<Map<string, TreeEntry> | null> {
  const entries = new Map<string, TreeEntry>();
  let read = 0;
  for (const path of paths) {
    const now = Date.now();
    const found = await useFile(workTree, path, async (folder, name) => {
      const stats = await lstat(folder.at(name)).catch(() => null); // gone
      if (!stats) return "gone";
      const look = `${stats.ino} ${stats.mode} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
      const before = seen.get(path);
      if (before?.look === look) return before.entry;
      if (stats.size > maxBytes || ++read > maxFiles) return null;
      const content = await readContent(folder, name, stats);
      if (!content) return null;
      const entry = { mode: modeOf(stats), id: await writeObject(mirror, "blob", content) };
      if (Math.max(stats.mtimeMs, stats.ctimeMs) < now - tickMs) seen.set(path, { look, entry });
      else seen.delete(path);
      return entry;
    });
    if (found === null) return null;
    if (found !== "gone") entries.set(path, found);
  }
  return entries;
}

/** Runs `use` in the folder of a file, which may be gone or replaced by now. */
async function useFile<T>(
  workTree: string,
  path: string,
  use: (folder: Folder, name: Buffer) => Promise<T>,
): Promise<T | "gone"> {
  const { folder, name } = splitPath(Buffer.from(path, "latin1"));
  let opened: Folder;
  try {
    opened = openFolder(workTree, folder);
  } catch {
    return "gone";
  }
  return use(opened, name).finally(opened.close);
}

/** A link's target or a file's content; null for anything else. Never follows or blocks. */
async function readContent(folder: Folder, name: Buffer, stats: Stats): Promise<Buffer | null> {
  if (stats.isSymbolicLink()) return readlink(folder.at(name), { encoding: "buffer" });
  // Git skips a file that its owner may not read, even where the daemon is root.
  if (!stats.isFile() || (stats.mode & 0o400) === 0) return null;
  const file = await openFile(folder, name);
  return readWhole(file, maxBytes).finally(() => file.close());
}

function modeOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return "120000";
  return (stats.mode & 0o100) === 0 ? "100644" : "100755";
}
