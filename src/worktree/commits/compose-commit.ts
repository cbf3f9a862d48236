import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { treeOf } from "../read/read-commit.ts";
import { commitTree } from "./commit-tree.ts";
import { editTree, findEntry, type KnownTrees, type TreeEntry } from "./edit-tree.ts";
import { writeObject } from "./write-object.ts";

/**
 * Composes commits with some files taken from another commit or replaced by texts. Nothing refers
 * to them; they last only for as long as they are in use.
 */
export type FileSource =
  /** The file of this commit; removed where it has none. */
  | { like: string }
  /** This text, with the mode of the file it replaces. */
  | { text: string };

/** Composes a commit on `from`, its only parent. Returns `from` where nothing differs. */
export async function composeCommit(
  mirror: Mirror,
  from: string,
  files: ReadonlyMap<string, FileSource>,
  message: string,
): Promise<string> {
  const tree = await composeTree(mirror, from, files);
  return tree === (await treeOf(mirror, from)) ? from : commitTree(mirror, tree, [from], message);
}

/**
 * Replaces a commit by one with some files changed: no history contains what it had there. Returns
 * `commit` where nothing differs.
 */
export async function recomposeCommit(
  mirror: Mirror,
  { commit, parent }: { commit: string; parent: string },
  files: ReadonlyMap<string, FileSource>,
): Promise<string> {
  const tree = await composeTree(mirror, commit, files);
  if (tree === (await treeOf(mirror, commit))) return commit;
  const message = await openMirror(mirror).run(["log", "-1", "--format=%B", commit]);
  return commitTree(mirror, tree, [parent], message);
}

/** Composes only the tree. */
export async function composeTree(
  mirror: Mirror,
  from: string,
  files: ReadonlyMap<string, FileSource>,
): Promise<string> {
  const known: KnownTrees = new Map();
  const root = await treeOf(mirror, from);
  const set = new Map<string, TreeEntry>();
  const gone: string[] = [];
  for (const [name, source] of files) {
    const path = Buffer.from(name, "utf8").toString("latin1");
    const entry =
      "text" in source
        ? await entryOfText(mirror, known, root, path, source.text)
        : await findEntry(mirror, known, await treeOf(mirror, source.like), path);
    if (entry) set.set(path, entry);
    else gone.push(path);
  }
  return editTree(mirror, known, root, { set, gone });
}

async function entryOfText(
  mirror: Mirror,
  known: KnownTrees,
  root: string,
  path: string,
  text: string,
): Promise<TreeEntry> {
  const before = await findEntry(mirror, known, root, path);
  const id = await writeObject(mirror, "blob", Buffer.from(text, "utf8"));
  return { mode: before?.mode === "100755" ? "100755" : "100644", id };
}
