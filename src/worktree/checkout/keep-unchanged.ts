import { removeTree } from "../../sandbox/files/remove-tree.ts";
import { join0 } from "../commits/worktree-changes.ts";
import type { Git } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";

/**
 * Resets blobs of an index to those of `parent`, a commit or a tree, where the file holds the very
 * bytes that git checks out of that blob. A blob that was committed against its own attributes (line
 * endings under `text`, an expanded `$Id$` under `ident`, a whole file under Git LFS) changes when git
 * adds it again, and so would appear in a change that nobody made. Mostly these bytes are the blob's
 * own. Where `eol=crlf` or `ident` make others of it, it is checked out once more, into `scratch`, a
 * path that is free.
 */
export async function keepUnchanged(git: Git, parent: string, scratch: string): Promise<void> {
  const changed = await listChanged(git, parent);
  const files = await hashFiles(git, changed, "");
  const inFile = new Map(changed.map((entry, at) => [entry, files[at]]));
  const isBlob = (entry: Changed) => inFile.get(entry) === entry.before;
  await setBlobs(git, changed.filter(isBlob), "before");
  const converted = await listConverted(
    git,
    changed.filter((entry) => !isBlob(entry)),
  );
  if (converted.length === 0) return;
  try {
    await setBlobs(git, converted, "before");
    const input = join0(converted.map(({ path }) => path));
    await git.run(["checkout-index", `--prefix=${scratch}/`, "-z", "--stdin"], { input });
    const made = await hashFiles(git, converted, `${scratch}/`);
    const others = converted.filter((entry, at) => inFile.get(entry) !== made[at]);
    await setBlobs(git, others, "now");
  } finally {
    await removeTree(scratch);
  }
}

/** A file of the index with another blob than in the parent. Its path is bytes in a latin1 string. */
type Changed = { path: string; mode: string; before: string; now: string };

async function listChanged(git: Git, parent: string): Promise<Changed[]> {
  const args = ["diff-index", "--cached", "--raw", "-z", "--no-renames", "--abbrev=40", parent];
  const fields = await ask(git, args);
  const changed: Changed[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode, before, now] =
      /^:100\d{3} (100\d{3}) ([0-9a-f]{40}) (?!\2)([0-9a-f]{40}) M$/.exec(fields[at] ?? "") ?? [];
    if (mode && before && now) changed.push({ path: fields[at + 1] ?? "", mode, before, now });
  }
  return changed;
}

/** Those that git may check out with other bytes than those of their blob. */
async function listConverted(git: Git, entries: readonly Changed[]): Promise<Changed[]> {
  if (entries.length === 0) return [];
  const input = join0(entries.map(({ path }) => path));
  const fields = await ask(git, ["check-attr", "-z", "--stdin", "eol", "ident"], input);
  const converted = new Set<string>();
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [path = "", name, value] = fields.slice(at, at + 3);
    if (name === "eol" ? value === "crlf" : value === "set") converted.add(path);
  }
  return entries.filter(({ path }) => converted.has(path));
}

/** The ids of what the files hold, byte by byte. */
async function hashFiles(git: Git, entries: readonly Changed[], prefix: string): Promise<string[]> {
  if (entries.length === 0) return [];
  const at = Buffer.from(prefix).toString("latin1");
  const names = entries.map(({ path }) => `${quotePath(at + path)}\n`).join("");
  const input = Buffer.from(names, "latin1");
  return (await git.run(["hash-object", "--no-filters", "--stdin-paths"], { input })).split("\n");
}

async function setBlobs(
  git: Git,
  entries: readonly Changed[],
  which: "before" | "now",
): Promise<void> {
  if (entries.length === 0) return;
  const lines = entries.map((entry) => `${entry.mode} ${entry[which]}\t${entry.path}\0`).join("");
  await git.run(["update-index", "-z", "--index-info"], { input: Buffer.from(lines, "latin1") });
}

async function ask(git: Git, args: string[], input?: Buffer): Promise<string[]> {
  const { exitCode, stdout, stderr } = await git.ask(args, input && { input });
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  return stdout.toString("latin1").split("\0");
}

/** Quotes a path that may contain anything, as git reads it. */
function quotePath(path: string): string {
  return `"${path.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}
