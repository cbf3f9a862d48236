import type { TreeEntry } from "../commits/edit-tree.ts";
import { GitFailure } from "../git/git-failure.ts";
import { fetchMissing } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";

/**
 * The second commit's entries for the paths that differ between two commits; the mode of a deleted
 * path is "000000". Paths are bytes in latin1 strings, as in worktree-changes.ts.
 */
export async function diffTrees(
  mirror: Mirror,
  from: string,
  to: string,
): Promise<Map<string, TreeEntry>> {
  const args = ["diff-tree", "-r", "-z", "--no-renames", "--end-of-options", from, to];
  const { exitCode, stdout, stderr } = await openMirror(mirror).ask(args);
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  const fields = stdout.toString("latin1").split("\0");
  const entries = new Map<string, TreeEntry>();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode = "", , id = ""] = (fields[at] ?? "").split(" ");
    entries.set(fields[at + 1] ?? "", { mode, id });
  }
  return entries;
}

/** Sizes of blobs, without reading them. */
export async function readSizes(
  mirror: Mirror,
  ids: readonly string[],
): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map();
  await fetchMissing(mirror, ids);
  const args = ["cat-file", "--batch-check=%(objectname) %(objectsize)"];
  const said = await openMirror(mirror).run(args, { input: ids.map((id) => `${id}\n`).join("") });
  return new Map(
    said.split("\n").map((line): [string, number] => [line.slice(0, 40), Number(line.slice(41))]),
  );
}

/** Total bytes of all files, before and after, that a diff of the two would read. */
export async function measureChange(mirror: Mirror, from: string, to: string): Promise<number> {
  const sides = await Promise.all([diffTrees(mirror, from, to), diffTrees(mirror, to, from)]);
  const ids = sides.flatMap((entries) => [...entries.values()].map(({ id }) => id));
  const sizes = await readSizes(
    mirror,
    ids.filter((id) => !/^0+$/.test(id)),
  );
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
