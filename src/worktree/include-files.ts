import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, lstat, mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DeputyError } from "../core/error.ts";
import { containPath } from "./contain-path.ts";
import { findIgnored } from "./ignored-paths.ts";
import type { Mirror } from "./open-mirror.ts";
import { readFileAt } from "./read-commit.ts";
import { parseRepository } from "./repository-url.ts";
import { inspectSource } from "./source-repository.ts";

/**
 * Copies ignored files that work needs (`.env`, local certificates) from the user's checkout into a
 * worktree: those that `.worktreeinclude` names, in .gitignore syntax, read from the base commit.
 * A file is copied only if the base commit's own .gitignore ignores it, because a snapshot would
 * commit, and so deliver, any other. Links and what lies behind them are left out, and nothing that
 * is there is overwritten.
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
  if (source.kind === "remote") return result; // nobody's checkout, so nothing to copy
  const patterns = await readFileAt(mirror, commit, includeFileName);
  if (patterns === null || patterns.trim() === "") return result;
  const checkout = await inspectSource(source.url);
  if (checkout.bare) return result;

  const wanted = await listWanted(checkout.git, patterns);
  const bytesOf = (path: string) => Buffer.from(path).toString("latin1");
  const ignored = await findIgnored(mirror, worktree, wanted.map(bytesOf));
  let bytes = 0;
  for (const path of wanted) {
    const skip = (reason: string) => result.skipped.push({ path, reason });
    if (!ignored.has(bytesOf(path))) {
      skip("not ignored by the repository's .gitignore, so it would be committed");
      continue;
    }
    const stats = await lstat(join(checkout.topLevel, path)).catch(() => null);
    if (!stats) skip("gone");
    else if (stats.isSymbolicLink()) skip("a symbolic link");
    else if (!stats.isFile()) skip("no regular file");
    else if (result.copied.length >= maxFiles) skip(`more than ${maxFiles} files`);
    else if (bytes + stats.size > maxBytes) skip(`more than ${maxBytes} bytes in all`);
    else {
      const problem = await copyOne(checkout.topLevel, worktree, path);
      if (problem !== null) skip(problem);
      else {
        bytes += stats.size;
        result.copied.push(path);
      }
    }
  }
  return result;
}

/** Untracked files of the checkout that the patterns match, whether ignored or not. */
async function listWanted(
  git: Awaited<ReturnType<typeof inspectSource>>["git"],
  patterns: string,
): Promise<string[]> {
  const file = join(tmpdir(), `deputy-include-${randomUUID()}`);
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
    await rm(file, { force: true });
  }
}

/** Copy one file; says why not, or null. */
async function copyOne(checkout: string, worktree: string, path: string): Promise<string | null> {
  const from = join(checkout, path);
  // A folder on the way may be a link: then the real place is another one.
  if ((await realpath(from)) !== join(await realpath(checkout), path))
    return "behind a symbolic link";
  try {
    const to = await containPath(worktree, path);
    if (to !== join(await realpath(worktree), path))
      return "behind a symbolic link in the worktree";
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    return null;
  } catch (error) {
    if (error instanceof DeputyError) return error.message;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return "exists in the worktree already";
    return `cannot be copied (${code ?? "unknown"})`;
  }
}
