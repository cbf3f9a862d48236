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

/**
 * Merges delivered work into the checked-out branch of the user's repository, as the user would
 * with `git merge`: a fast-forward or a merge commit. It touches a user's checkout only because the
 * user said so, as does undoing it (revert.ts).
 */
export async function acceptBranch(
  checkout: string,
  branch: string,
  commit: string,
): Promise<Accepted> {
  return inCheckout(checkout, (source) => mergeBranch(source, checkout, branch, commit));
}

async function mergeBranch(
  source: SourceRepository,
  checkout: string,
  branch: string,
  commit: string,
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
      `The branch ${branch} has moved since it was delivered: look at it and merge it by hand.`,
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
  if (conflicts !== null)
    throw conflict(`${branch} conflicts with your branch (${conflicts}): merge it by hand.`);
  await how("--no-ff", "--no-edit", "-m", `Merge branch '${branch}'`, commit);
  return { kind: "merge", commit: (await git.run(["rev-parse", "HEAD"])).trim() };
}
