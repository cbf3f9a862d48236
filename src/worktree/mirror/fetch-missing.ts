import { GitFailure } from "../git/git-failure.ts";
import { type Mirror, openMirror } from "./open-mirror.ts";
import { fetchObjects, isPartial } from "./partial-mirror.ts";

/**
 * Fetches at once what a command is about to read from a partial mirror (partial-mirror.ts). A command
 * works without that, too, and takes a connection for each object, and before it git's search through
 * all that was promised: 0.4 s of 60,000 objects. In a whole mirror these do nothing.
 */

/** Fetches those of these blobs that are missing. */
export async function fetchMissing(
  mirror: Mirror,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  if (ids.length === 0 || !isPartial(mirror)) return;
  const findMissing = async () => {
    const args = ["rev-list", "--no-walk", "--objects", "--no-object-names", "--ignore-missing"];
    const input = ids.map((id) => `${id}\n`).join("");
    const present = await openMirror(mirror).run([...args, "--missing=print", "--stdin"], {
      input,
      ...(signal && { signal }),
    });
    const here = new Set(present.split("\n"));
    return [...new Set(ids)].filter((id) => !here.has(id));
  };
  if ((await findMissing()).length > 0) await fetchObjects(mirror, findMissing, signal);
}

/** Fetches the files of a commit that are wanted, by their paths as bytes in latin1 strings. */
export async function fetchFilesAt(
  mirror: Mirror,
  commit: string,
  isWanted: (path: string) => boolean,
): Promise<void> {
  if (!isPartial(mirror)) return;
  const files = await listBlobs(mirror, commit);
  await fetchMissing(
    mirror,
    [...files].flatMap(([path, id]) => (isWanted(path) ? [id] : [])),
  );
}

/**
 * Fetches one file of a commit. One in the root brings the others there: they are read at planning,
 * one after the other, and are in every worktree.
 */
export async function fetchFileAt(mirror: Mirror, commit: string, path: string): Promise<void> {
  if (!isPartial(mirror)) return;
  const files = await listBlobs(mirror, commit, path.includes("/") ? ["--", path] : []);
  await fetchMissing(mirror, [...files.values()]);
}

/** Fetches both sides of each file that differs between two commits. */
export async function fetchChange(mirror: Mirror, from: string, to: string): Promise<void> {
  if (!isPartial(mirror)) return;
  const changes = await listSides(mirror, from, to);
  await fetchMissing(
    mirror,
    changes.flatMap(({ ids }) => ids),
  );
}

/**
 * Fetches what a merge reads: files that both sides changed, and those that either added or deleted,
 * among which git looks for moved ones. What one side alone modified it takes without reading it.
 */
export async function fetchForMerge(
  mirror: Mirror,
  base: string,
  left: string,
  right: string,
): Promise<void> {
  if (!isPartial(mirror)) return;
  const ours = await listSides(mirror, base, left);
  const theirs = await listSides(mirror, base, right);
  const both = new Set(ours.map(({ path }) => path));
  const changed = new Set(theirs.map(({ path }) => path).filter((path) => both.has(path)));
  const read = [...ours, ...theirs].filter(({ ids, path }) => ids.length < 2 || changed.has(path));
  await fetchMissing(
    mirror,
    read.flatMap(({ ids }) => ids),
  );
}

/**
 * Fetches what git reads to pack commits for somebody who has others: objects of `wanted` (commits or
 * refs) that are in none of `known` (commits; those that are unknown here do not count). It is history
 * that the source left, so nothing else fetched it. What cannot be listed, the packing itself names.
 */
export async function fetchBeyond(
  mirror: Mirror,
  wanted: readonly string[],
  known: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  if (!isPartial(mirror)) return;
  const args = ["rev-list", "--objects", "--no-object-names", "--ignore-missing"];
  const input = [...wanted, ...known.map((commit) => `^${commit}`)].map((one) => `${one}\n`);
  const { stdout } = await openMirror(mirror).ask([...args, "--missing=print", "--stdin"], {
    input: input.join(""),
    ...(signal && { signal }),
  });
  const said = stdout.toString("latin1").split("\n");
  const missing = said.flatMap((line) => (line.startsWith("?") ? [line.slice(1)] : []));
  await fetchObjects(mirror, async () => missing, signal);
}

/** The paths of a commit's files that this mirror lacks, as bytes in latin1 strings. */
export async function listMissingAt(mirror: Mirror, commit: string): Promise<string[]> {
  if (!isPartial(mirror)) return [];
  const args = ["rev-list", "--no-walk", "--objects", "--no-object-names", "--missing=print"];
  const said = await openMirror(mirror).run([...args, "--end-of-options", commit]);
  const missing = new Set(said.split("\n").filter((line) => line.startsWith("?")));
  const files = await listBlobs(mirror, commit);
  return [...files].flatMap(([path, id]) => (missing.has(`?${id}`) ? [path] : []));
}

async function listBlobs(
  mirror: Mirror,
  commit: string,
  where = ["-r"],
): Promise<Map<string, string>> {
  const lines = await readLines(mirror, ["ls-tree", "-z", "--full-tree", commit, ...where]);
  const blobs = new Map<string, string>();
  for (const line of lines) {
    const [, id] = /^1[02]0\d{3} blob ([0-9a-f]{40})\t/.exec(line) ?? [];
    if (id !== undefined) blobs.set(line.slice(line.indexOf("\t") + 1), id);
  }
  return blobs;
}

/** The files that differ, each with the ids of its one or two sides. */
async function listSides(
  mirror: Mirror,
  from: string,
  to: string,
): Promise<{ path: string; ids: string[] }[]> {
  const args = ["diff-tree", "-r", "-z", "--no-renames", "--no-abbrev", "--end-of-options"];
  const fields = await readLines(mirror, [...args, from, to]);
  return fields.flatMap((field, at) => {
    const sides = /^:(\d{6}) (\d{6}) ([0-9a-f]{40}) ([0-9a-f]{40}) /.exec(field);
    if (!sides || at % 2 === 1) return [];
    const [, before = "", now = "", idBefore = "", idNow = ""] = sides;
    const isFile = (mode: string) => /^1[02]0/.test(mode);
    const ids = [...(isFile(before) ? [idBefore] : []), ...(isFile(now) ? [idNow] : [])];
    return [{ path: fields[at + 1] ?? "", ids }];
  });
}

async function readLines(mirror: Mirror, args: readonly string[]): Promise<string[]> {
  const git = openMirror(mirror);
  const { exitCode, stdout, stderr } = await git.ask(args);
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  return stdout.toString("latin1").split("\0").filter(Boolean);
}
