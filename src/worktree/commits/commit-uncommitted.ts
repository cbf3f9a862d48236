import { copyFile, lstat, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { makeTempFolder } from "../../sandbox/files/temp.ts";
import { type Git, openGit } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";
import { type Mirror, pinRef, readRef } from "../mirror/mirror.ts";
import { inspectSource, type SourceRepository } from "../mirror/source-repository.ts";
import { conflict, isNameless, nameless, requireFinished } from "../publish/guard-checkout.ts";

/**
 * Makes a commit of what the user's checkout has changed and not committed, on its HEAD, as `git add
 * --all` and `git commit` would: with the user's configuration, filters and name. The objects are
 * written into the mirror and the index is a copy, so the user's repository stays as it is.
 *
 * Pinned as refs/deputy/NAME; the one that is pinned already is returned, so that a task that begins
 * anew after a crash has the same base. Returns `head` where nothing is uncommitted. Submodules stay
 * as HEAD has them. Throws a DeputyError for a checkout in the middle of a merge, and for more bytes
 * than a base should grow by.
 */
export async function commitUncommitted(
  mirror: Mirror,
  checkout: string,
  { head, name }: { head: string; name: string },
): Promise<string> {
  const known = await readRef(mirror, name);
  if (known !== null) return known;
  const commit = await takeUncommitted(mirror, checkout, { head, before: [] });
  if (commit !== head) await pinRef(mirror, name, commit);
  return commit;
}

/**
 * The same, pinned nowhere yet. `before`: earlier ones of this checkout that are pinned. What they hold
 * is not written again, and one with the same content is returned: who looks often keeps little.
 */
export async function takeUncommitted(
  mirror: Mirror,
  checkout: string,
  { before, head }: { before: readonly string[]; head: string },
): Promise<string> {
  const source = await inspectSource(checkout);
  if (source.bare)
    throw conflict(`${checkout} is a bare repository: nothing is uncommitted there.`);
  await requireFinished(source);
  const scratch = await makeTempFolder("index");
  try {
    return await commitFiles(mirror, source, { before, head, index: join(scratch, "index") });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function commitFiles(
  mirror: Mirror,
  source: SourceRepository,
  { before, head, index }: { before: readonly string[]; head: string; index: string },
): Promise<string> {
  await copyIndex(join(source.gitDir, "index"), index).catch(({ code }) => {
    // Without an index nothing is tracked; one that cannot be read would make every file a new one.
    if (code !== "ENOENT")
      throw conflict(`The index of ${source.topLevel} cannot be read (${code}): mend its rights.`);
  });
  const git = openGit({
    ...{ gitDir: source.gitDir, workTree: source.topLevel, index, mode: "transport" },
    objects: {
      writeTo: join(mirror.gitDir, "objects"),
      readFrom: [join(source.commonDir, "objects")],
    },
  });
  await requireSmall(git, source.topLevel);
  try {
    await git.run(["add", "--all"]);
    await keepSubmodulesOf(git, head);
    const tree = (await git.run(["write-tree"])).trim();
    const committed = (await git.run(["rev-parse", `${head}^{tree}`])).trim();
    if (tree === committed) return head;
    for (const one of before) {
      const about = await git.run(["show", "--no-patch", "--format=%T %P", one]);
      if (about.trim() === `${tree} ${head}`) return one;
    }
    const commit = (await git.run(["commit-tree", tree, "-p", head, "-m", message])).trim();
    // What the user had staged already is an object of the user's repository alone.
    const pack = join(mirror.gitDir, "objects", "pack", "pack");
    // Of commits beside this one only what is named counts, so their trees are.
    const held = [`^${head}`, ...before.map((one) => `^${one}^{tree}`)];
    const input = `${[commit, ...held].join("\n")}\n`;
    await git.run(["pack-objects", "--quiet", "--revs", pack], { input });
    return commit;
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    if (isNameless(error.stderr)) throw nameless(source.topLevel);
    const said = error.stderr.trim().replace(/\s*\n\s*/g, "; ");
    throw conflict(
      `The uncommitted changes of ${source.topLevel} cannot be committed (${said}): commit them yourself.`,
    );
  }
}

/**
 * Copies the index with the times of its entries, or every file would be read, and with its own time:
 * git reads a file that is as new as the index.
 */
async function copyIndex(from: string, to: string): Promise<void> {
  const { atime, mtime } = await stat(from);
  await copyFile(from, to);
  await utimes(to, atime, mtime);
}

const message = "Uncommitted changes of the checkout";

/** A build's output that nobody ignores would make every worktree slow. */
const maxBytes = 1024 * 1024 * 1024;

async function requireSmall(git: Git, topLevel: string): Promise<void> {
  const listed = await git.run([
    ...["ls-files", "-z", "--others", "--modified", "--exclude-standard"],
  ]);
  let bytes = 0;
  for (const path of new Set(listed.split("\0").filter(Boolean))) {
    bytes += (await lstat(join(topLevel, path)).catch(() => null))?.size ?? 0; // deleted
    if (bytes > maxBytes)
      throw conflict(
        `The uncommitted files of ${topLevel} are more than ${maxBytes} bytes: ignore what does not belong there, or commit it yourself.`,
      );
  }
}

/** A submodule's commit that was moved or added here may be in nobody else's repository. */
async function keepSubmodulesOf(git: Git, head: string): Promise<void> {
  const changed = await git.run(["diff-index", "--cached", "--raw", "-z", "--no-renames", head]);
  const fields = changed.split("\0");
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [about = "", path = ""] = [fields[at], fields[at + 1]];
    const [before, after, commit] = about.slice(1).split(" ");
    if (before === "160000") {
      await git.run(["update-index", "--add", "--cacheinfo", `160000,${commit},${path}`]);
    } else if (after === "160000") {
      await git.run(["update-index", "--force-remove", "--", path]);
    }
  }
}
