import type { FileChange } from "../../core/page/task-changes.ts";
import { fetchChange } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { readSizes } from "./diff-trees.ts";

const maxListed = 5_000;
const maxCounted = 3_000;
const maxCountedBytes = 64 * 1024 * 1024;
/** Of one side. */
const maxShownBytes = 2 * 1024 * 1024;
const noHelpers = ["--no-ext-diff", "--no-textconv", "--no-color"];

/**
 * A change file by file, for people who look at it: what happened to each file and how many lines, and
 * the patch of one. Renames are found here. Of very many files neither renames nor lines are looked for,
 * because git would read all of them.
 */
export type FileChanges = {
  files: readonly FileChange[];
  /** With those that are not listed. */
  total: number;
};

export function listFileChanges(mirror: Mirror, from: string, to: string): Promise<FileChanges> {
  const sizeOf = ({ files }: FileChanges) =>
    files.reduce((sum, { path }) => sum + path.length + 96, 0);
  const key = `${mirror.gitDir}\n${from}\n${to}`;
  return mirror.reads.read("file-changes", key, sizeOf, () => readFileChanges(mirror, from, to));
}

async function readFileChanges(mirror: Mirror, from: string, to: string): Promise<FileChanges> {
  const plain = await listEntries(mirror, [from, to], "--no-renames");
  const isFew = plain.length <= maxCounted;
  if (isFew) await fetchChange(mirror, from, to);
  const found = isFew ? await listEntries(mirror, [from, to], "-M50%") : plain;
  const entries = found.slice(0, maxListed);
  const ids = entries.flatMap(({ sides }) => sides.map(({ id }) => id));
  const sizes = isFew ? await readSizes(mirror, [...new Set(ids)]) : new Map<string, number>();
  const largest = ({ sides }: Entry) => Math.max(0, ...sides.map(({ id }) => sizes.get(id) ?? 0));
  // Git does not read those that are too large to be shown.
  const small = entries.filter((entry) => largest(entry) <= maxShownBytes);
  const bytes = small.reduce((sum, entry) => sum + largest(entry), 0);
  const counts =
    isFew && bytes <= maxCountedBytes
      ? await countLines(mirror, [from, to])
      : new Map<string, Counts>();
  return {
    total: found.length,
    files: entries.map((entry) => {
      const { oldPath, path, status } = entry;
      const { added = null, binary = false, removed = null } = counts.get(path) ?? {};
      const tooLarge = largest(entry) > maxShownBytes;
      return { path, oldPath, status, added, removed, binary, tooLarge };
    }),
  };
}

/** The patch of one file, cut after whole lines where it is longer. */
export async function readFilePatch(
  mirror: Mirror,
  from: string,
  to: string,
  { oldPath, path }: { path: string; oldPath: string | null },
  maxBytes: number,
): Promise<{ patch: string; truncated: boolean; binary: boolean }> {
  const isBelow = oldPath !== null && (isIn(oldPath, path) || isIn(path, oldPath));
  const paths = oldPath === null || isBelow ? [path] : [oldPath, path];
  await fetchChange(mirror, from, to);
  // A file's path is a folder's, too, where one took its place: what is in that is not asked for.
  const only = paths.flatMap((one) => [`:(top,literal)${one}`, `:(top,exclude,literal)${one}/`]);
  const patch = await openMirror(mirror, { literalPathspecs: false }).run([
    // Larger files are named and not compared.
    ...["-c", `core.bigFileThreshold=${maxShownBytes}`, "diff-tree", "-r", "-p", "--full-index"],
    ...["--src-prefix=a/", "--dst-prefix=b/", ...noHelpers],
    ...(paths.length === 1 ? ["--no-renames"] : ["-M1%"]),
    ...["--end-of-options", from, to, "--", ...only],
  ]);
  const binary = /^Binary files .* differ$/m.test(patch.slice(0, 10_000)) && !/^@@ /m.test(patch);
  if (Buffer.byteLength(patch) <= maxBytes) return { patch, truncated: false, binary };
  const head = Buffer.from(patch).subarray(0, maxBytes);
  const whole = head.subarray(0, head.lastIndexOf("\n") + 1).toString("utf8");
  return { patch: whole, truncated: true, binary };
}

const isIn = (path: string, folder: string) => path.startsWith(`${folder}/`);

type Entry = Pick<FileChange, "path" | "oldPath" | "status"> & { sides: { id: string }[] };

async function listEntries(
  mirror: Mirror,
  range: [string, string],
  renames: "-M50%" | "--no-renames",
): Promise<Entry[]> {
  const how = ["-r", "-z", "--raw", "--no-abbrev", renames, "-l3000", ...noHelpers];
  const args = ["diff-tree", ...how, "--end-of-options", ...range];
  const fields = (await openMirror(mirror).run(args)).split("\0");
  const entries: Entry[] = [];
  for (let at = 0; at + 1 < fields.length; ) {
    const [oldMode = "", mode = "", oldId = "", id = "", letter = ""] = (fields[at] ?? "")
      .replace(/^:/, "")
      .split(" ");
    const isMoved = letter.startsWith("R");
    const [first = "", second = ""] = [fields[at + 1], fields[at + 2]];
    at += isMoved ? 3 : 2;
    const isModeOnly = letter === "M" && oldId === id;
    const sides = [
      { mode: oldMode, id: oldId },
      { mode, id },
    ].filter((side) => side.mode.startsWith("10") || side.mode.startsWith("12"));
    entries.push({
      path: isMoved ? second : first,
      oldPath: isMoved ? first : null,
      status: isMoved ? "renamed" : isModeOnly ? "mode" : (statuses[letter] ?? "modified"),
      sides,
    });
  }
  return entries;
}

const statuses: Record<string, FileChange["status"]> = { A: "added", D: "deleted" };

type Counts = { added: number | null; removed: number | null; binary: boolean };

async function countLines(mirror: Mirror, range: [string, string]): Promise<Map<string, Counts>> {
  const counts = new Map<string, Counts>();
  const how = ["-r", "-z", "--numstat", "-M50%", "-l3000", ...noHelpers];
  const big = ["-c", `core.bigFileThreshold=${maxShownBytes}`];
  const args = [...big, "diff-tree", ...how, "--end-of-options", ...range];
  const fields = (await openMirror(mirror).run(args)).split("\0");
  for (let at = 0; at < fields.length && fields[at] !== ""; ) {
    const [added = "", removed = "", name = ""] = (fields[at] ?? "").split("\t");
    const path = name === "" ? (fields[at + 2] ?? "") : name;
    at += name === "" ? 3 : 1;
    const binary = added === "-";
    counts.set(path, {
      added: binary ? null : Number(added),
      removed: binary ? null : Number(removed),
      binary,
    });
  }
  return counts;
}
