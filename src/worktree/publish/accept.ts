import type { SourceRepository } from "../mirror/source-repository.ts";
import { findIn } from "../mirror/source-repository.ts";
import {
  conflict,
  inCheckout,
  isIn,
  merge,
  requireQuiet,
  tryFilters,
  tryMerge,
} from "./guard-checkout.ts";

/** `before`: the work was in the branch already. */
export type Accepted = { kind: "fast_forward" | "merge" | "before"; commit: string };

/** `base`: the branch that the work was checked on; other commits there are what was never checked with it. */
type Delivered = { taskId: string; branch: string; commit: string; base: string };

/**
 * Merges delivered work into the checked-out branch of the user's repository, as the user would
 * with `git merge`: a fast-forward, or a merge commit on another branch than the work's own base. A
 * base that has moved is refused: the two were not checked together. It touches a user's checkout
 * only because the user said so, as does undoing it (revert.ts).
 */
export async function acceptBranch(checkout: string, what: Delivered): Promise<Accepted> {
  return inCheckout(checkout, (source) => mergeBranch(source, checkout, what));
}

async function mergeBranch(
  source: SourceRepository,
  checkout: string,
  { base, branch, commit, taskId }: Delivered,
): Promise<Accepted> {
  const { git, headRef, headCommit, topLevel } = source;
  if (source.bare)
    throw conflict(`${checkout} is a bare repository: merge ${branch} where it is checked out.`);
  if (headRef === null || headCommit === null) {
    throw conflict(
      `${topLevel} is on no branch (detached HEAD): check out the branch to merge into.`,
    );
  }
  const tip = await findIn(git, `refs/heads/${branch}`);
  if (tip === null)
    throw conflict(`The branch ${branch} is gone from ${topLevel}: it cannot be merged.`);
  if (tip !== commit) {
    throw conflict(
      `The branch ${branch} has moved since it was delivered: look at it and merge it by hand, or have it checked with deputy update ${taskId}.`,
    );
  }
  if (headRef === branch)
    throw conflict(`${branch} is checked out: check out the branch to merge it into.`);
  await requireQuiet(source);
  if (await isIn(git, commit, headCommit)) return { kind: "before", commit: headCommit };
  await tryFilters(git, headCommit, commit);
  const how = async (...args: string[]) => {
    const said = await merge(source, args);
    if (said !== null) throw conflict(`git did not merge ${branch} into ${topLevel}: ${said}`);
  };
  if (await isIn(git, headCommit, commit)) {
    await how("--ff-only", commit);
    return { kind: "fast_forward", commit };
  }
  const { conflicts } = await tryMerge(git, headCommit, commit);
  const isBase = headRef === base;
  const update = `deputy update ${taskId}`;
  if (conflicts !== null)
    throw conflict(
      `${branch} conflicts with your branch (${conflicts}): ${isBase ? `have that resolved and checked with ${update}, or ` : ""}merge it by hand.`,
    );
  if (isBase) {
    const count = Number(await git.run(["rev-list", "--count", `${commit}..${headCommit}`]));
    throw conflict(
      `${base} has moved by ${count === 1 ? "a commit" : `${count} commits`} since ${branch} was checked, so nobody has checked the two together: have that done with ${update}, or merge it yourself with git merge ${branch}.`,
    );
  }
  await how("--no-ff", "--no-edit", "-m", `Merge branch '${branch}'`, commit);
  return { kind: "merge", commit: (await git.run(["rev-parse", "HEAD"])).trim() };
}
