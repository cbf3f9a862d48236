import { constants } from "node:fs";
import { copyFile, lstat, realpath, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openFolder, splitPath, withFolder } from "../../sandbox/files/open-folder.ts";
import { nameTempFile } from "../../sandbox/files/temp.ts";
import type { Mirror } from "../mirror/open-mirror.ts";
import { parseRepository } from "../mirror/repository-url.ts";
import { inspectSource } from "../mirror/source-repository.ts";
import { readFileAt } from "../read/read-commit.ts";
import { findIgnored } from "./ignored-paths.ts";
import { isHeld, readSparse } from "./sparse.ts";

/**
 * Copies ignored files that work needs (`.env`, local certificates) from the user's checkout into a
 * worktree: those that `.worktreeinclude` names, in .gitignore syntax, read from the base commit. A
 * file is copied only if the base commit's own .gitignore ignores it, because a snapshot would
 * commit, and so deliver, any other. Links and files behind them are left out; nothing is
 * overwritten.
 */
export type IncludedFiles = { copied: string[]; skipped: { path: string; reason: string }[] };

export const includeFileName = ".worktreeinclude";
const maxFiles = 20_000;
const maxBytes = 1024 * 1024 * 1024;

export async function includeFiles(
  mirror: Mirror,
  repository: string,
  worktree: string,
  commit: string,
): Promise<IncludedFiles> {
  const result: IncludedFiles = { copied: [], skipped: [] };
  const source = parseRepository(repository);
  if (source.kind === "remote") return result; // no checkout, so nothing to copy
  const patterns = await readFileAt(mirror, commit, includeFileName);
  if (patterns === null || patterns.trim() === "") return result;
  const checkout = await inspectSource(source.url);
  if (checkout.bare) return result;

  const sparse = readSparse(mirror, worktree);
  const wanted: string[] = [];
  for (const path of await listIncluded(checkout.git, patterns)) {
    const isOut = sparse !== null && !isHeld(sparse, Buffer.from(path).toString("latin1"));
    const problem = isOut ? notHeld : await findObstacle(checkout.topLevel, worktree, path);
    if (problem === null) wanted.push(path);
    else result.skipped.push({ path, reason: problem });
  }
  const bytesOf = (path: string) => Buffer.from(path).toString("latin1");
  const ignored = await findIgnored(mirror, worktree, wanted.map(bytesOf));
  let bytes = 0;
  for (const path of wanted) {
    const from = join(checkout.topLevel, path);
    const size = (await lstat(from).catch(() => null))?.size ?? 0; // gone: copyOne reports it
    let problem: string | null = null;
    if (!ignored.has(bytesOf(path))) problem = notIgnored;
    else if (result.copied.length >= maxFiles) problem = `more than ${maxFiles} files`;
    else if (bytes + size > maxBytes) problem = `more than ${maxBytes} bytes in all`;
    else problem = await copyOne(from, worktree, path);
    if (problem !== null) result.skipped.push({ path, reason: problem });
    else {
      bytes += size;
      result.copied.push(path);
    }
  }
  return result;
}

const notHeld = "outside of the folders that this sparse worktree holds";
const notIgnored = "not ignored by the repository's .gitignore, so it would be committed";

/** Untracked files of the checkout that the patterns match, whether ignored or not. */
export async function listIncluded(
  git: Awaited<ReturnType<typeof inspectSource>>["git"],
  patterns: string,
): Promise<string[]> {
  const file = nameTempFile("include");
  await writeFile(file, patterns, { mode: 0o600, flag: "wx" });
  try {
    const text = await git.run([
      "ls-files",
      "-z",
      "--others",
      "--ignored",
      `--exclude-from=${file}`,
    ]);
    return text.split("\0").filter((path) => path !== "" && !path.endsWith("/"));
  } finally {
    await unlink(file);
  }
}

/** Why this path must not be copied, judged by the folders on the way on both sides; or null. */
async function findObstacle(
  checkout: string,
  worktree: string,
  path: string,
): Promise<string | null> {
  const from = join(checkout, path);
  const stats = await lstat(from).catch(() => null);
  if (!stats) return "gone";
  if (stats.isSymbolicLink()) return "a symbolic link";
  if (!stats.isFile()) return "no regular file";
  // A folder on the way may be a link; then the real path differs.
  if ((await realpath(from)) !== join(await realpath(checkout), path)) return behindLink;
  return withFolder(worktree, splitPath(path).folder, () => null).catch(
    (error: NodeJS.ErrnoException) => (error.code === "ENOTDIR" ? behindLink : null), // not made yet
  );
}

const behindLink = "behind a symbolic link";

/** Copies one file, never over another or through a link. Returns the problem, or null. */
async function copyOne(from: string, worktree: string, path: string): Promise<string | null> {
  const { folder, name } = splitPath(path);
  try {
    const inside = openFolder(worktree, folder, { make: 0o777 });
    const how = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
    await copyFile(from, inside.at(name), how).finally(inside.close);
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTDIR") return behindLink;
    if (code === "EEXIST") return "exists in the worktree already";
    return `cannot be copied (${code ?? "unknown"})`;
  }
}
