import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { inspectSource } from "../mirror/source-repository.ts";

/**
 * Hashes a user's repository, one hash per aspect: equal hashes before and after prove that nothing
 * was touched. Branches below deputy/ do not count; they are what is delivered.
 *
 *   tree     every file of the checkout, untracked and ignored ones too: content, mode, link target
 *   index    the staging area          HEAD    where it is, and its reflog
 *   refs     all other refs            stash   the stash and its reflog
 *   config   configuration, excludes   hooks   hooks, with their modes
 */
export async function fingerprintCheckout(path: string): Promise<Record<string, string>> {
  const { bare, commonDir, git, gitDir, topLevel } = await inspectSource(path);
  const refs = await git.run(["for-each-ref", "--format=%(objectname) %(refname) %(symref)"]);
  const kept = refs.split("\n").filter((line) => !line.includes(" refs/heads/deputy/"));
  const isStash = (line: string) => line.includes(" refs/stash ");
  const hash = (text: string) => createHash("sha256").update(text).digest("hex");
  return {
    ...(bare ? {} : { tree: await hashPaths([topLevel], new Set([join(topLevel, ".git")])) }),
    index: await hashPaths([join(gitDir, "index")]),
    HEAD: await hashPaths([join(gitDir, "HEAD"), join(gitDir, "logs", "HEAD")]),
    refs: hash(kept.filter((line) => !isStash(line)).join("\n")),
    stash: hash(
      kept.filter(isStash).join("\n") + (await hashPaths([join(commonDir, "logs/refs/stash")])),
    ),
    config: await hashPaths([
      join(commonDir, "config"),
      join(gitDir, "config.worktree"),
      join(commonDir, "info"),
    ]),
    hooks: await hashPaths([join(commonDir, "hooks")]),
  };
}

async function hashPaths(paths: readonly string[], without = new Set<string>()): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) await addPath(hash, path, "", without);
  return hash.digest("hex");
}

async function addPath(
  hash: Hash,
  path: string,
  shown: string,
  without: ReadonlySet<string>,
): Promise<void> {
  if (without.has(path)) return;
  const stats = await lstat(path).catch(() => null);
  if (!stats) {
    hash.update(`${shown}\0absent\0`);
    return;
  }
  hash.update(`${shown}\0${stats.mode.toString(8)}\0`);
  if (stats.isSymbolicLink()) hash.update(await readlink(path));
  else if (stats.isDirectory()) {
    for (const name of (await readdir(path)).sort()) {
      await addPath(hash, join(path, name), `${shown}/${name}`, without);
    }
  } else if (stats.isFile()) {
    hash.update(`${stats.size}\0`);
    await pipeline(createReadStream(path), async (chunks) => {
      for await (const chunk of chunks) hash.update(chunk);
    });
  }
}
