import { invariant } from "../../core/base/invariant.ts";
import { GitFailure } from "../git/git-failure.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { writeObject } from "./write-object.ts";

/**
 * Sets or removes a few entries of trees without an index. Only the folders on the way are read,
 * once, and only changed ones are written. Paths and names are bytes in latin1 strings, as in
 * worktree-changes.ts.
 */
export type TreeEntry = { mode: string; id: string };

export type TreeEdits = {
  set: ReadonlyMap<string, TreeEntry>;
  gone: readonly string[];
};

type Entries = Map<string, TreeEntry>;

/** Cached trees of a mirror. They never change, so no entry is ever stale. */
export type KnownTrees = Map<string, Entries>;

const folderMode = "40000";

/** Returns the id of the edited `root`. */
export async function editTree(
  mirror: Mirror,
  known: KnownTrees,
  root: string,
  { set, gone }: TreeEdits,
): Promise<string> {
  const changes = new Map<string, TreeEntry | null>();
  for (const path of gone) changes.set(path, null);
  for (const [path, entry] of set) changes.set(path, entry);
  if (changes.size === 0) return root;
  await learnFolders(mirror, known, root, [...changes.keys()]);
  return (await rewrite(mirror, known, root, changes)) ?? (await writeTree(mirror, known, []));
}

/** The entry of a path in a tree; null when it is not there. */
export async function findEntry(
  mirror: Mirror,
  known: KnownTrees,
  root: string,
  path: string,
): Promise<TreeEntry | null> {
  await learnFolders(mirror, known, root, [path]);
  let entry: TreeEntry | undefined = { mode: folderMode, id: root };
  for (const name of path.split("/")) {
    if (entry?.mode !== folderMode) return null;
    entry = known.get(entry.id)?.get(name);
  }
  return entry ?? null;
}

/** Null when nothing is left in it. */
async function rewrite(
  mirror: Mirror,
  known: KnownTrees,
  tree: string | null,
  changes: ReadonlyMap<string, TreeEntry | null>,
): Promise<string | null> {
  const before = tree === null ? new Map() : known.get(tree);
  invariant(before, `the tree ${tree} was learned before it is changed`);
  const entries: Entries = new Map(before);
  const below = new Map<string, Map<string, TreeEntry | null>>();
  for (const [path, change] of changes) {
    const at = path.indexOf("/");
    if (at >= 0) {
      const name = path.slice(0, at);
      const inside = below.get(name) ?? new Map();
      below.set(name, inside.set(path.slice(at + 1), change));
    } else if (change) entries.set(path, change);
    // A folder of that name is another entry: the file is gone already.
    else if (entries.get(path)?.mode !== folderMode) entries.delete(path);
  }
  for (const [name, inside] of below) {
    const there = entries.get(name);
    const isFolder = there?.mode === folderMode;
    // A path below something that is no folder did not exist.
    if (!isFolder && ![...inside.values()].some((change) => change !== null)) continue;
    const id = await rewrite(mirror, known, isFolder ? there.id : null, inside);
    if (id === null) entries.delete(name);
    else entries.set(name, { mode: folderMode, id });
  }
  return entries.size === 0 ? null : writeTree(mirror, known, entries);
}

async function writeTree(
  mirror: Mirror,
  known: KnownTrees,
  entries: Iterable<[string, TreeEntry]>,
): Promise<string> {
  // Git's order: bytewise, a folder as if its name ended in a slash.
  const key = ([name, { mode }]: [string, TreeEntry]) => (mode === folderMode ? `${name}/` : name);
  const sorted = [...entries].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  const parts = sorted.flatMap(([name, { mode, id }]) => [
    Buffer.from(`${mode} ${name}\0`, "latin1"),
    Buffer.from(id, "hex"),
  ]);
  const id = await writeObject(mirror, "tree", Buffer.concat(parts));
  known.set(id, new Map(sorted));
  return id;
}

/** Reads the unknown folders that lead to these paths, with one command per level. */
async function learnFolders(
  mirror: Mirror,
  known: KnownTrees,
  root: string,
  paths: readonly string[],
): Promise<void> {
  let level = new Map([["", root]]);
  const folders = new Set(paths.flatMap(foldersAround));
  while (level.size > 0) {
    await readTrees(mirror, known, [...level.values()]);
    const next = new Map<string, string>();
    for (const [folder, id] of level) {
      for (const [name, entry] of known.get(id) ?? []) {
        const path = folder === "" ? name : `${folder}/${name}`;
        if (entry.mode === folderMode && folders.has(path)) next.set(path, entry.id);
      }
    }
    level = next;
  }
}

/** The folders around a path, without the root. */
export function foldersAround(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, i) => names.slice(0, i + 1).join("/"));
}

async function readTrees(mirror: Mirror, known: KnownTrees, ids: string[]): Promise<void> {
  const wanted = [...new Set(ids)].filter((id) => !known.has(id));
  if (wanted.length === 0) return;
  const args = ["cat-file", "--batch"];
  const input = wanted.map((id) => `${id}\n`).join("");
  const { exitCode, stdout, stderr } = await openMirror(mirror).ask(args, { input });
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  let at = 0;
  for (const id of wanted) {
    const end = stdout.indexOf("\n", at);
    const [said, type, size] = stdout.toString("latin1", at, end).split(" ");
    if (said !== id || type !== "tree") throw new GitFailure(args, 0, `${id} is no tree`);
    at = end + 1;
    known.set(id, parseTree(stdout.subarray(at, at + Number(size))));
    at += Number(size) + 1;
  }
}

function parseTree(content: Buffer): Entries {
  const entries: Entries = new Map();
  for (let at = 0; at < content.length; ) {
    const blank = content.indexOf(" ", at);
    const end = content.indexOf(0, blank);
    const mode = content.toString("latin1", at, blank);
    const name = content.toString("latin1", blank + 1, end);
    entries.set(name, { mode, id: content.toString("hex", end + 1, end + 21) });
    at = end + 21;
  }
  return entries;
}
