import type { Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { type Folder, splitPath, withFolder } from "../../sandbox/files/open-folder.ts";
import { findIgnored } from "../checkout/ignored-paths.ts";
import { isHeld, readSparse, type SparseRecord } from "../checkout/sparse.ts";
import type { Git } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";
import { whyRefused } from "../git/refused-name.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { foldersAround } from "./edit-tree.ts";

/**
 * Lists what an agent changed in its worktree, as paths for `update-index`. `git add` would do it
 * in one command, but it takes a nested repository for a submodule and loses its files. Here git
 * lists tracked and new paths, and we inspect each ourselves: nested repositories count as plain
 * folders without their `.git`, FIFOs, sockets and devices as absent, and links as links. What a
 * sparse worktree does not hold is never gone. Paths are bytes, kept in latin1 strings: they need not
 * be UTF-8.
 */
export type Changes = {
  present: string[];
  gone: string[];
  skipped: Skipped[];
};

/** A path that a snapshot leaves out. `isContent`: somebody wrote what is missing. */
export type Skipped = { path: string; reason: string; isContent: boolean };

export async function findChanges(
  mirror: Mirror,
  { workTree, index }: { workTree: string; index: string },
  includeIgnored: boolean,
  /** The folders to search; none: everywhere. */
  within: readonly string[] = [],
): Promise<Changes> {
  const git = openMirror(mirror, { workTree, index });
  const [tracked, others] = await Promise.all([
    list(git, ["diff-files", "-z", "--name-status", "--no-renames", "--ignore-submodules=all"]),
    list(git, [
      ...["ls-files", "-z", "--others", ...(includeIgnored ? [] : ["--exclude-standard"])],
      ...["--", ...within],
    ]),
  ]);
  const sparse = readSparse(mirror, workTree);
  /** What the worktree does not hold, and something else is in its place. */
  const covered: string[] = [];
  const changes: Changes = { present: [], gone: [], skipped: [] };
  const folders = others.filter((path) => path.endsWith("/")).map((path) => path.slice(0, -1));
  for (let at = 0; at < tracked.length; at += 2) {
    const [status, path = ""] = tracked.slice(at, at + 2);
    // Git also reports files behind a link as deleted; inspecting those would follow it.
    const kind = status === "D" ? "absent" : await look(workTree, path);
    if (kind === "file") changes.present.push(path);
    else if (kind === "unreadable")
      skip(changes, path, "cannot be read, and is kept as it was", true);
    else if (sparse && !isHeld(sparse, path)) covered.push(path);
    else changes.gone.push(path);
    if (kind === "folder") folders.push(path); // a repository in place of a file: git lists nothing in it
    if (kind === "special") skip(changes, path, "is no regular file", false);
  }
  const inside = await Promise.all(folders.map((folder) => walk(workTree, folder, changes)));
  const hidden = includeIgnored ? new Set() : await findIgnored(mirror, workTree, inside.flat());
  const fresh = [...others.filter((path) => !path.endsWith("/")), ...inside.flat()];
  const seen = fresh.filter((path) => !hidden.has(path));
  const inPlace = sparse ? await findInPlace(git, sparse, seen, covered) : new Set();
  for (const path of seen) {
    const refused = inPlace.has(path) ? whyInPlace : whyRefused(path);
    const kind = await look(workTree, path);
    if (refused !== null) skip(changes, path, refused, true);
    else if (kind === "file") changes.present.push(path);
    else if (kind === "unreadable") skip(changes, path, "cannot be read", true);
    else if (kind === "special") skip(changes, path, "is no regular file", false);
  }
  return changes;
}

const whyInPlace =
  "is in the place of something that this sparse worktree does not hold, and would delete it";

/**
 * Those of these new files of a sparse worktree that are in the place of a folder that it does not
 * hold, or in a folder in the place of such a file.
 */
async function findInPlace(
  git: Git,
  sparse: SparseRecord,
  fresh: readonly string[],
  covered: readonly string[],
): Promise<Set<string>> {
  const files = new Set(covered);
  const isInside = (path: string) => sparse.folders.some((one) => path.startsWith(`${one}/`));
  const inPlace = new Set(fresh.filter((path) => foldersAround(path).some((at) => files.has(at))));
  const names = new Set(fresh.filter((path) => !isInside(path)));
  if (names.size === 0) return inPlace;
  for (const path of await list(git, ["ls-files", "-z"])) {
    if (isHeld(sparse, path)) continue;
    for (const folder of foldersAround(path)) if (names.has(folder)) inPlace.add(folder);
  }
  return inPlace;
}

/** The paths of what somebody wrote and a snapshot leaves out, in latin1 as far as they are UTF-8. */
export function listLeftOut(skipped: readonly Skipped[]): string[] {
  return skipped
    .filter(({ isContent }) => isContent)
    .map(({ path }) => Buffer.from(path, "utf8").toString("latin1"));
}

export function join0(paths: readonly string[]): Buffer {
  return Buffer.from(paths.map((path) => `${path}\0`).join(""), "latin1");
}

async function list(git: Git, args: string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await git.ask(args);
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  return stdout.toString("latin1").split("\0").filter(Boolean);
}

type Kind = "file" | "unreadable" | "folder" | "special" | "absent";

async function look(workTree: string, path: string): Promise<Kind> {
  const { folder, name } = splitPath(Buffer.from(path, "latin1"));
  let stats: Stats;
  try {
    stats = await withFolder(workTree, folder, (inside) => lstat(inside.at(name)));
  } catch {
    return "absent"; // deleted, or behind something that is no folder any more
  }
  if (stats.isSymbolicLink()) return "file";
  if (stats.isDirectory()) return "folder";
  if (!stats.isFile()) return "special";
  // By mode: a daemon that is root may read what its git, confined like the agent, may not.
  return (stats.mode & 0o400) === 0 ? "unreadable" : "file";
}

/** Files below a folder, without anything named `.git`; links are not followed. */
async function walk(workTree: string, folder: string, changes: Changes): Promise<string[]> {
  const found: string[] = [];
  let entries: Awaited<ReturnType<typeof readFolder>>;
  try {
    entries = await withFolder(workTree, Buffer.from(folder, "latin1"), readFolder);
  } catch (error) {
    skip(changes, folder, `cannot be listed (${(error as NodeJS.ErrnoException).code})`, true);
    return found;
  }
  for (const entry of entries) {
    const name = entry.name.toString("latin1");
    if (name.toLowerCase() === ".git") continue;
    const path = `${folder}/${name}`;
    if (entry.isDirectory()) found.push(...(await walk(workTree, path, changes)));
    else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
    else skip(changes, path, "is no regular file", false);
  }
  return found;
}

function readFolder({ path }: Folder) {
  return readdir(path, { withFileTypes: true, encoding: "buffer" });
}

function skip(changes: Changes, path: string, reason: string, isContent: boolean): void {
  const text = Buffer.from(path, "latin1").toString("utf8");
  changes.skipped.push({ path: text, reason, isContent });
}
