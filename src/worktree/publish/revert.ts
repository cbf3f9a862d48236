import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Git } from "../git/git.ts";
import { findIn, type SourceRepository } from "../mirror/source-repository.ts";
import {
  conflict,
  inCheckout,
  isIn,
  isNameless,
  merge,
  nameFiles,
  nameless,
  requireQuiet,
  tryFilters,
  tryMerge,
} from "./guard-checkout.ts";

/** `base` to `commit` is what the task brought; a person may have committed on top of it since. */
export type Delivered = {
  taskId: string;
  branch: string;
  base: string;
  commit: string;
  /** The branch was deleted; what was merged before stays merged. */
  isDiscarded: boolean;
};

/**
 * Undoes merged work in the user's repository by one commit on the branch that is checked out. The
 * opposite of the task's change is merged in memory; the result is committed, and the checkout is
 * moved to it as by a fast-forward merge. So history is only added to, what a person committed
 * since stays, and what conflicts is refused before a file is touched. The commit names the task,
 * and by that an undoing that was not recorded is found: then `isNew` is false.
 */
export async function revertDelivered(
  checkout: string,
  what: Delivered,
): Promise<{ commit: string; into: string; isNew: boolean }> {
  return inCheckout(checkout, async (source) => {
    const { git, topLevel } = source;
    const { commit: merged, head, into } = await requireMerged(source, what);
    const mark = `Deputy-Rollback: ${what.taskId}`;
    const marked = ["-1", "--fixed-strings", `--grep=${mark}`, `${merged}..${head}`];
    const made = (await git.run(["rev-list", ...marked])).trim();
    if (made !== "") return { commit: made, into, isNew: false };
    await requireQuiet(source);

    const tree = await undo(source, { ...what, commit: merged, head, into });
    const commit = await makeCommit(source, tree, head, await signing(git), [
      `Revert ${what.branch}`,
      `This undoes what ${what.taskId} brought, ${short(what.base)}..${short(merged)}.`,
      mark,
    ]);
    await tryFilters(git, head, commit);
    await requireFree(source, what.branch, head, commit);
    const said = await merge(source, ["--ff-only", "--no-overwrite-ignore", commit]);
    if (said !== null) throw conflict(`git did not undo ${what.branch} in ${topLevel}: ${said}`);
    return { commit, into, isNew: true };
  });
}

/**
 * The branch that is checked out, its commit, and the last of the task's commits that it has;
 * throws unless it has merged the work.
 */
async function requireMerged(
  { bare, git, headCommit, headRef, topLevel }: SourceRepository,
  { base, branch, commit: delivered, isDiscarded, taskId }: Delivered,
): Promise<{ commit: string; head: string; into: string }> {
  if ((await findIn(git, delivered)) === null)
    throw conflict(
      `${branch} is gone from ${topLevel} and was not merged: there is nothing to undo.`,
    );
  // What was merged may have been reworked since.
  const shared = (await git.ask(["merge-base", headCommit ?? base, delivered])).stdout;
  const earlier = shared.toString("utf8").trim();
  const isPart = earlier !== "" && earlier !== base && (await isIn(git, base, earlier));
  const commit = isPart ? earlier : delivered;
  const format = "--format=%(objectname) %(refname:lstrip=2)";
  const refs = await git.run(["for-each-ref", `--contains=${commit}`, format, "refs/heads"]);
  // The branch as it was delivered is nobody's; with commits on top it is a person's.
  const merged = refs
    .split("\n")
    .filter((line) => line !== "" && line !== `${delivered} ${branch}`)
    .map((line) => line.slice(line.indexOf(" ") + 1));
  if (merged.length === 0)
    throw conflict(
      `No branch of ${topLevel} has merged ${branch}, so nothing of yours has changed: ${
        isDiscarded ? "it was discarded" : `delete it with deputy discard ${taskId}`
      } (a squashed or picked copy is undone with git).`,
    );
  const where = merged.slice(0, 3).join(" or ");
  if (bare)
    throw conflict(
      `${topLevel} is a bare repository: undo ${branch} where ${where} is checked out.`,
    );
  if (headRef === null || headCommit === null || !merged.includes(headRef))
    throw conflict(
      `${headRef === null ? `${topLevel} is on no branch (detached HEAD)` : `${headRef} is checked out and has not merged ${branch}`}: check out ${where}, which has, and roll back again.`,
    );
  return { commit, head: headCommit, into: headRef };
}

/** The tree of the branch without the task's change. */
async function undo(
  source: SourceRepository,
  { base, branch, commit, head, into }: Delivered & { head: string; into: string },
): Promise<string> {
  const { git } = source;
  // Its only parent is the work itself, which is so the base of the merge: git has an option for
  // that only since 2.40.
  const opposite = await makeCommit(source, `${base}^{tree}`, commit, [], [`Undo ${branch}`]);
  // What a person added to a folder that goes back to its old name stays where they put it.
  const config = ["merge.directoryRenames=false"];
  const { conflicts, tree } = await tryMerge(git, head, opposite, config);
  if (conflicts !== null)
    throw conflict(
      `Later commits on ${into} change what ${branch} brought (${conflicts}): undo it by hand, with git revert.`,
    );
  if (tree === (await git.run(["rev-parse", "--verify", `${head}^{tree}`])).trim())
    throw conflict(`${into} has nothing left of what ${branch} brought: it is undone already.`);
  return tree;
}

/**
 * Throws where a file that comes back would replace one that the person made since. Git would do
 * that to a file that the checkout ignores, such as a `.env` that the task stopped tracking.
 */
async function requireFree(
  { git, topLevel }: SourceRepository,
  branch: string,
  head: string,
  commit: string,
): Promise<void> {
  const added = ["diff", "--name-only", "-z", "--no-renames", "--diff-filter=A", head, commit];
  const paths = (await git.run(added)).split("\0").filter(Boolean);
  const there = await Promise.all(
    paths.map((path) =>
      lstat(join(topLevel, path)).then(
        () => [path],
        () => [],
      ),
    ),
  );
  const taken = there.flat();
  if (taken.length > 0)
    throw conflict(
      `${topLevel} has files of yours where ${branch} removed some (${nameFiles(taken)}): move them away first.`,
    );
}

/** A commit of the person's, which no branch has yet. */
async function makeCommit(
  { git, topLevel }: SourceRepository,
  tree: string,
  parent: string,
  options: string[],
  paragraphs: string[],
): Promise<string> {
  const words = paragraphs.flatMap((paragraph) => ["-m", paragraph]);
  const args = ["commit-tree", ...options, "-p", parent, ...words, tree];
  const { exitCode, stderr, stdout } = await git.ask(args);
  if (exitCode === 0) return stdout.toString("utf8").trim();
  if (isNameless(stderr)) throw nameless(topLevel);
  throw conflict(`git made no commit in ${topLevel}: ${stderr.trim().replace(/\s*\n\s*/g, " ")}`);
}

/** `git commit-tree` signs only when it is told to, unlike `git merge`. */
async function signing(git: Git): Promise<string[]> {
  const { stdout } = await git.ask(["config", "--type=bool", "--get", "commit.gpgSign"]);
  return stdout.toString("utf8").trim() === "true" ? ["-S"] : [];
}

function short(commit: string): string {
  return commit.slice(0, 10);
}
