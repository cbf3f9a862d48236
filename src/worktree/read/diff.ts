import { open, rm } from "node:fs/promises";
import { nameTempFile } from "../../sandbox/files/temp.ts";
import { fetchChange } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { isFullId } from "../mirror/read-cache.ts";
import { measureChange } from "./diff-trees.ts";

/**
 * Differences between two commits. No external diff and no textconv ever runs, a rename is a
 * deletion and an addition, and patches hold binary files, so that `git apply` gives the very tree.
 */
export type Change = {
  path: string;
  status: "added" | "modified" | "deleted" | "type_changed";
};

const how = ["-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"];
const asPatch = ["-p", "--full-index", "--src-prefix=a/", "--dst-prefix=b/"];
const maxDiffBytes = 1024 * 1024;
/** Git compares in memory, and a patch of binary files is a third larger than they are. */
export const maxPatchBytes = 100 * 1024 * 1024;
/** In a larger change, files above this size are named and not shown. */
const fewBytes = "core.bigFileThreshold=1m";

/**
 * The unified patch, for people and prompts: cut at `maxBytes` with a last line that says so, and
 * restricted to `paths`, if given, with `context` lines around each change (as git has it: 3). In a
 * very large change, large files are only named.
 */
export async function diffCommits(
  mirror: Mirror,
  from: string,
  to: string,
  options: { maxBytes?: number; paths?: readonly string[]; context?: number } = {},
): Promise<string> {
  const maxBytes = options.maxBytes ?? maxDiffBytes;
  const path = nameTempFile("patch");
  try {
    const isLarge = (await measureChange(mirror, from, to)) > maxPatchBytes;
    await writeDiff(mirror, [from, to], path, isLarge ? "names" : "whole", options);
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const buffer = Buffer.alloc(Math.min(size, maxBytes));
      await file.read(buffer, 0, buffer.length, 0);
      if (size <= maxBytes) return buffer.toString("utf8");
      const whole = buffer.subarray(0, buffer.lastIndexOf("\n") + 1);
      return `${whole.toString("utf8")}[… ${size - whole.length} more bytes of this diff left out]\n`;
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}

/** Writes the whole patch to a file, for `git apply`. The caller has checked its size. */
export async function writePatch(
  mirror: Mirror,
  from: string,
  to: string,
  file: string,
): Promise<void> {
  await writeDiff(mirror, [from, to], file, "whole");
}

async function writeDiff(
  mirror: Mirror,
  commits: readonly [string, string],
  file: string,
  largeFiles: "whole" | "names",
  { paths = [], context }: { paths?: readonly string[]; context?: number } = {},
): Promise<void> {
  await (await open(file, "w", 0o600)).close(); // an empty change leaves an empty file, private from the start
  await fetchChange(mirror, ...commits);
  const only = paths.length > 0 ? ["--", ...paths] : []; // names, not patterns: git-environment.ts
  await openMirror(mirror).run([
    ...(largeFiles === "names" ? ["-c", fewBytes] : []),
    "diff-tree",
    ...how,
    ...asPatch,
    ...(context === undefined ? [] : [`--unified=${context}`]),
    ...(largeFiles === "whole" ? ["--binary"] : []),
    `--output=${file}`,
    ...commits,
    ...only,
  ]);
}

const statuses: Record<string, Change["status"]> = {
  A: "added",
  M: "modified",
  D: "deleted",
  T: "type_changed",
};

const sizeOfChanges = (changes: readonly Change[]) =>
  changes.reduce((sum, { path }) => sum + path.length + 32, 0);

/** The paths that differ, sorted by path. */
export function listChanges(mirror: Mirror, from: string, to: string): Promise<readonly Change[]> {
  const read = () => readChanges(mirror, from, to);
  if (!isFullId(from) || !isFullId(to)) return read();
  return mirror.reads.read("changes", `${mirror.gitDir}\n${from}\n${to}`, sizeOfChanges, read);
}

async function readChanges(mirror: Mirror, from: string, to: string): Promise<readonly Change[]> {
  const args = ["diff-tree", ...how, "-z", "--name-status", from, to];
  const fields = (await openMirror(mirror).run(args)).split("\0");
  const changes: Change[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const status = statuses[fields[at] ?? ""];
    const path = fields[at + 1];
    if (status && path) changes.push({ path, status });
  }
  return changes;
}
