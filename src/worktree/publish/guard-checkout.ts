import { access } from "node:fs/promises";
import { join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import type { Git } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";
import { inspectSource, type SourceRepository } from "../mirror/source-repository.ts";

/**
 * What accepting and rolling back share: each moves the checked-out branch of the user's repository
 * by one `git merge`, with the user's configuration and identity, and finds every obstacle before a
 * file is touched. Hooks do not run: the merged work may have changed them.
 */
export async function inCheckout<T>(
  checkout: string,
  work: (source: SourceRepository) => Promise<T>,
): Promise<T> {
  const source = await inspectSource(checkout);
  try {
    return await work(source);
  } catch (error) {
    // Problems of the user's repository or configuration, which we cannot fix.
    if (error instanceof GitFailure) throw conflict(explainFailure(source, error));
    throw error;
  }
}

const unfinished: [string, string][] = [
  ["MERGE_HEAD", "merge"],
  ["rebase-merge", "rebase"],
  ["rebase-apply", "rebase"],
  ["CHERRY_PICK_HEAD", "cherry-pick"],
  ["REVERT_HEAD", "revert"],
  ["BISECT_LOG", "bisect"],
];

/** Throws when something is in progress there, or a tracked file has changes of its own. */
export async function requireQuiet(source: SourceRepository): Promise<void> {
  await requireFinished(source);
  const files = await listDirty(source);
  if (files.length > 0) {
    throw conflict(
      `${source.topLevel} has uncommitted changes (${nameFiles(files)}): commit or stash them first.`,
    );
  }
}

/** Throws when a merge, a rebase or the like is in progress there. */
export async function requireFinished({ gitDir, topLevel }: SourceRepository): Promise<void> {
  for (const [file, what] of unfinished) {
    const isThere = await access(join(gitDir, file)).then(
      () => true,
      () => false,
    );
    if (isThere)
      throw conflict(`A ${what} is in progress in ${topLevel}: finish or abort it first.`);
  }
}

async function listDirty({ git }: SourceRepository): Promise<string[]> {
  const text = await git.run([
    "status",
    "--porcelain=v1",
    "-z",
    "--untracked-files=no",
    "--ignore-submodules=dirty",
    "--no-renames",
  ]);
  return text
    .split("\0")
    .filter(Boolean)
    .map((line) => line.slice(3));
}

/**
 * Runs each filter of the merge on empty input: one that is configured and cannot run (git-lfs is
 * not installed) would otherwise end the merge in the middle.
 */
export async function tryFilters(git: Git, from: string, to: string): Promise<void> {
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

/**
 * Merges two commits in memory, with additional configuration. `conflicts` is null where they
 * merge, else where they do not.
 */
export async function tryMerge(
  git: Git,
  head: string,
  commit: string,
  config: string[] = [],
): Promise<{ tree: string; conflicts: string | null }> {
  const { exitCode, stdout, stderr } = await git.ask([
    ...config.flatMap((one) => ["-c", one]),
    ...["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", head, commit],
  ]);
  const [tree = "", ...rest] = stdout.toString("utf8").split("\0").filter(Boolean);
  if (exitCode === 0) return { tree, conflicts: null };
  const files = [...new Set(rest)].sort();
  return { tree, conflicts: exitCode === 1 ? nameFiles(files) : stderr.trim() };
}

/** Merges into the checked-out branch. Null when it did, else what git said. */
export async function merge(
  { git, topLevel }: SourceRepository,
  how: string[],
): Promise<string | null> {
  const { exitCode, stderr, stdout } = await git.ask([
    "merge",
    "--quiet",
    "--no-verify",
    "--no-autostash",
    ...how,
  ]);
  if (exitCode === 0) return null;
  // Usually nothing is in progress: git refused before it began.
  await git.ask(["merge", "--abort"]);
  const said = `${stderr.trim()}\n${stdout.toString("utf8").trim()}`.trim();
  if (isNameless(said)) throw nameless(topLevel);
  return said.replace(/\s*\n\s*/g, " ").replace(/\.?$/, ".");
}

/** Whether git refused because it does not know whose commit it would be. */
export function isNameless(said: string): boolean {
  return /tell me who you are|empty ident|unable to auto-detect email/i.test(said);
}

export function nameless(topLevel: string): DeputyError {
  return conflict(
    `git does not know your name in ${topLevel}: set user.name and user.email, then try again.`,
  );
}

export async function isIn(git: Git, ancestor: string, commit: string): Promise<boolean> {
  return (await git.ask(["merge-base", "--is-ancestor", ancestor, commit])).exitCode === 0;
}

export function conflict(message: string): DeputyError {
  return new DeputyError("conflict", message);
}

export function nameFiles(files: readonly string[]): string {
  const shown = files.slice(0, 5).join(", ");
  return files.length > 5 ? `${shown} and ${files.length - 5} more` : shown;
}

function explainFailure({ topLevel }: SourceRepository, { stderr }: GitFailure): string {
  const said = stderr.replace(/\s*\n\s*/g, "; ");
  const help = /git-lfs|filter/.test(stderr)
    ? "install what the filter runs where the daemon finds it (PATH), or merge by hand"
    : "mend it there, or merge by hand";
  return `git fails in ${topLevel} (${said}): ${help}.`;
}
