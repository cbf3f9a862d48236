import { access } from "node:fs/promises";
import { join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import type { Git } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";
import { findIn, inspectSource, type SourceRepository } from "../mirror/source-repository.ts";

/**
 * Merges delivered work into the checked-out branch of the user's repository, as the user would
 * with `git merge`: their configuration and identity, a fast-forward or a merge commit. It is the
 * only function that touches a user's checkout, and only because the user said so. Obstacles are
 * found before anything is touched. Hooks do not run: the merged work may have changed them.
 */
export async function acceptBranch(
  checkout: string,
  branch: string,
  commit: string,
): Promise<{ kind: "fast_forward" | "merge"; commit: string }> {
  const source = await inspectSource(checkout);
  try {
    return await mergeBranch(source, checkout, branch, commit);
  } catch (error) {
    // Problems of the user's repository or configuration, which we cannot fix.
    if (error instanceof GitFailure) throw conflict(explainFailure(source, error));
    throw error;
  }
}

async function mergeBranch(
  source: SourceRepository,
  checkout: string,
  branch: string,
  commit: string,
): Promise<{ kind: "fast_forward" | "merge"; commit: string }> {
  const { git, headRef, headCommit } = source;
  if (source.bare)
    throw conflict(`${checkout} is a bare repository: merge ${branch} where it is checked out.`);
  if (headRef === null || headCommit === null) {
    throw conflict(
      `${source.topLevel} is on no branch (detached HEAD): check out the branch to merge into.`,
    );
  }
  const tip = await findIn(git, `refs/heads/${branch}`);
  if (tip === null)
    throw conflict(`The branch ${branch} is gone from ${source.topLevel}: it cannot be merged.`);
  if (tip !== commit) {
    throw conflict(
      `The branch ${branch} has moved since it was delivered: look at it and merge it by hand.`,
    );
  }
  if (headRef === branch)
    throw conflict(`${branch} is checked out: check out the branch to merge it into.`);
  await refuseUnfinished(source);
  await refuseDirty(source);
  if (await isIn(git, commit, headCommit)) return { kind: "fast_forward", commit: headCommit };
  await tryFilters(git, headCommit, commit);
  if (await isIn(git, headCommit, commit)) {
    await merge(source, branch, ["--ff-only", commit]);
    return { kind: "fast_forward", commit };
  }
  await refuseConflicts(git, branch, headCommit, commit);
  const message = `Merge branch '${branch}'`;
  await merge(source, branch, ["--no-ff", "--no-edit", "-m", message, commit]);
  return { kind: "merge", commit: (await git.run(["rev-parse", "HEAD"])).trim() };
}

const unfinished: [string, string][] = [
  ["MERGE_HEAD", "merge"],
  ["rebase-merge", "rebase"],
  ["rebase-apply", "rebase"],
  ["CHERRY_PICK_HEAD", "cherry-pick"],
  ["REVERT_HEAD", "revert"],
  ["BISECT_LOG", "bisect"],
];

async function refuseUnfinished({ gitDir, topLevel }: SourceRepository): Promise<void> {
  for (const [file, what] of unfinished) {
    const isThere = await access(join(gitDir, file)).then(
      () => true,
      () => false,
    );
    if (isThere)
      throw conflict(`A ${what} is in progress in ${topLevel}: finish or abort it first.`);
  }
}

async function refuseDirty({ git, topLevel }: SourceRepository): Promise<void> {
  const text = await git.run([
    "status",
    "--porcelain=v1",
    "-z",
    "--untracked-files=no",
    "--ignore-submodules=dirty",
    "--no-renames",
  ]);
  const files = text
    .split("\0")
    .filter(Boolean)
    .map((line) => line.slice(3));
  if (files.length > 0) {
    throw conflict(
      `${topLevel} has uncommitted changes (${name(files)}): commit or stash them first.`,
    );
  }
}

/**
 * Runs each filter of the merge on empty input: one that is configured and cannot run (git-lfs is
 * not installed) would otherwise end the merge in the middle.
 */
async function tryFilters(git: Git, from: string, to: string): Promise<void> {
  const changed = await git.run(["diff", "--name-only", "-z", "--no-renames", from, to]);
  const told = await git.run(["check-attr", "-z", "--stdin", "filter"], { input: changed });
  const fields = told.split("\0");
  const pathOf = new Map<string, string>();
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [path = "", , name = ""] = fields.slice(at, at + 3);
    if (!["unspecified", "unset", "set"].includes(name)) pathOf.set(name, path);
  }
  for (const path of pathOf.values()) await git.run(["hash-object", "--stdin", `--path=${path}`]);
}

function explainFailure({ topLevel }: SourceRepository, { stderr }: GitFailure): string {
  const said = stderr.replace(/\s*\n\s*/g, "; ");
  const help = /git-lfs|filter/.test(stderr)
    ? "install what the filter runs where the daemon finds it (PATH), or merge by hand"
    : "mend it there, or merge by hand";
  return `git fails in ${topLevel} (${said}): ${help}.`;
}

/** Merges in memory first, so that a conflict never reaches the files. */
async function refuseConflicts(
  git: Git,
  branch: string,
  head: string,
  commit: string,
): Promise<void> {
  const args = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", head, commit];
  const { exitCode, stdout, stderr } = await git.ask(args);
  if (exitCode === 0) return;
  const files = [...new Set(stdout.toString("utf8").split("\0").filter(Boolean).slice(1))];
  const where = exitCode === 1 ? name(files.sort()) : stderr.trim();
  throw conflict(`${branch} conflicts with your branch (${where}): merge it by hand.`);
}

async function merge(
  { git, topLevel }: SourceRepository,
  branch: string,
  how: string[],
): Promise<void> {
  const { exitCode, stderr, stdout } = await git.ask([
    "merge",
    "--quiet",
    "--no-verify",
    "--no-autostash",
    ...how,
  ]);
  if (exitCode === 0) return;
  // Usually nothing is in progress: git refused before it began.
  await git.ask(["merge", "--abort"]);
  const said = `${stderr.trim()}\n${stdout.toString("utf8").trim()}`.trim();
  if (/tell me who you are|empty ident|unable to auto-detect email/i.test(said)) {
    throw conflict(
      `git does not know your name in ${topLevel}: set user.name and user.email, then accept again.`,
    );
  }
  throw conflict(`git did not merge ${branch} into ${topLevel}: ${said.replace(/\s*\n\s*/g, " ")}`);
}

async function isIn(git: Git, ancestor: string, commit: string): Promise<boolean> {
  return (await git.ask(["merge-base", "--is-ancestor", ancestor, commit])).exitCode === 0;
}

function name(files: readonly string[]): string {
  const shown = files.slice(0, 5).join(", ");
  return files.length > 5 ? `${shown} and ${files.length - 5} more` : shown;
}

function conflict(message: string): DeputyError {
  return new DeputyError("conflict", message);
}
