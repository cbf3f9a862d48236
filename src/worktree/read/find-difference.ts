import { lstat, readlink } from "node:fs/promises";
import { openFile, readWhole, splitPath, withFolder } from "../../sandbox/files/open-folder.ts";
import type { Place } from "../checkout/worktree-place.ts";
import { findChanges } from "../commits/worktree-changes.ts";
import { hashObject } from "../commits/write-object.ts";
import type { Git } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";

/**
 * The first path, for people, in which index or files of a worktree differ from a commit, or null.
 * Ignored files do not count. For use right after a checkout: nothing else may run in there.
 */
export async function findDifference(
  mirror: Mirror,
  { index, path: workTree }: Pick<Place, "index" | "path">,
  commit: string,
): Promise<string | null> {
  const git = openMirror(mirror, { workTree, index });
  const [staged, { gone, present, skipped }] = await Promise.all([
    list(git, ["diff-index", "--cached", "--name-only", "-z", commit]),
    findChanges(mirror, { workTree, index }, false),
  ]);
  if (staged[0] !== undefined) return toText(staged[0]);
  const [first = skipped[0]?.path] = gone.map(toText);
  if (first !== undefined) return first;
  for (const path of present) if (!(await isCheckedOut(git, workTree, path))) return toText(path);
  return null;
}

/**
 * Those of these tracked files of a worktree, by paths for people, that no longer hold what was checked
 * out there, because a process in it changed or deleted them. Nothing may run there any more.
 */
export async function listRewritten(
  mirror: Mirror,
  { index, path: workTree }: Pick<Place, "index" | "path">,
  files: readonly string[],
): Promise<string[]> {
  if (files.length === 0) return [];
  const git = openMirror(mirror, { workTree, index });
  const isAsked = new Set(files);
  // By name git reads those alone; of many it would compare each name with each file. One that is no
  // UTF-8 cannot be named here.
  const isNamed = files.length <= maxNamed && !files.some((path) => path.includes("\ufffd"));
  const args = ["diff-files", "-z", "--name-only", "--no-renames", "--ignore-submodules=all"];
  const rewritten: string[] = [];
  for (const path of await list(git, [...args, "--", ...(isNamed ? files : [])])) {
    if (!isAsked.has(toText(path))) continue;
    const isThere = await isCheckedOut(git, workTree, path).catch(() => false); // gone, or no file
    if (!isThere) rewritten.push(toText(path));
  }
  return rewritten;
}

const maxNamed = 100;

/**
 * Whether a file holds the very bytes that git checks out there. Git calls its own checkout changed
 * where line endings were committed against the repository's own attributes.
 */
async function isCheckedOut(git: Git, workTree: string, path: string): Promise<boolean> {
  const [entry = ""] = await list(git, ["ls-files", "--stage", "-z", "--", path]);
  const [, mode, id] = /^(\d{6}) ([0-9a-f]{40}) 0\t/.exec(entry) ?? [];
  if (!mode || !id) return false;
  const { folder, name } = splitPath(Buffer.from(path, "latin1"));
  const isLink = mode === "120000";
  const content = await withFolder(workTree, folder, async (inside) => {
    const stats = await lstat(inside.at(name));
    if (stats.isSymbolicLink() !== isLink) return null;
    if (isLink) return readlink(inside.at(name), { encoding: "buffer" });
    if (((stats.mode & 0o100) !== 0) !== (mode === "100755")) return null;
    const file = await openFile(inside, name);
    return readWhole(file, stats.size).finally(() => file.close());
  });
  if (content === null) return false;
  if (hashObject("blob", content) === id) return true;
  if (isLink) return false;
  const args = ["cat-file", "--filters", `--path=${path}`, id];
  const { exitCode, stdout } = await git.ask(args);
  return exitCode === 0 && stdout.equals(content);
}

async function list(git: Git, args: string[]): Promise<string[]> {
  const { exitCode, stdout, stderr } = await git.ask(args);
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  return stdout.toString("latin1").split("\0").filter(Boolean);
}

function toText(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8");
}
