import type { Git } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";

/**
 * Resets blobs of an index to those of `parent` where the file holds the very bytes of that blob. A
 * blob that was committed against its own attributes (line endings under `text`, a whole file under
 * Git LFS) changes when git adds it again, and so would appear in a change that nobody made.
 */
export async function keepUnchanged(git: Git, parent: string): Promise<void> {
  const args = ["diff-index", "--cached", "--raw", "-z", "--no-renames", "--abbrev=40", parent];
  const { exitCode, stdout, stderr } = await git.ask(args);
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  // Paths are bytes in latin1 strings, as in worktree-changes.ts.
  const fields = stdout.toString("latin1").split("\0");
  const changed: { path: string; mode: string; id: string }[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, mode, id] =
      /^:100\d{3} (100\d{3}) ([0-9a-f]{40}) (?!\2)[0-9a-f]{40} M$/.exec(fields[at] ?? "") ?? [];
    if (mode && id) changed.push({ path: fields[at + 1] ?? "", mode, id });
  }
  if (changed.length === 0) return;
  const names = changed.map(({ path }) => `${quotePath(path)}\n`).join("");
  const hashed = await git.run(["hash-object", "--no-filters", "--stdin-paths"], {
    input: Buffer.from(names, "latin1"),
  });
  const ids = hashed.split("\n");
  const same = changed.filter(({ id }, index) => ids[index] === id);
  if (same.length === 0) return;
  const lines = same.map(({ path, mode, id }) => `${mode} ${id}\t${path}\0`).join("");
  await git.run(["update-index", "-z", "--index-info"], { input: Buffer.from(lines, "latin1") });
}

/** Quotes a path that may contain anything, as git reads it. */
function quotePath(path: string): string {
  return `"${path.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}
