import { invariant } from "../core/invariant.ts";
import { openGit } from "./git.ts";
import { GitFailure } from "./git-failure.ts";
import { type Mirror, openMirror } from "./open-mirror.ts";
import type { Repository } from "./repository-url.ts";
import { findIn, inspectSource } from "./source-repository.ts";
import { healStaleLocks } from "./stale-locks.ts";
import { explainTransport, openTransport } from "./transport.ts";

/** Getting commits from a user's repository into its mirror, and finding out that there are none to get. */

/** Where the source's HEAD is: a branch's name, or "HEAD" when it is detached. */
export type SourceHead = { commit: string; ref: string };

export type FetchOptions = {
  /** A whole header line, `Authorization: …`, for https. It is handed over in the environment. */
  authHeader?: string;
  signal?: AbortSignal;
  /** A full commit id to have as well, even if no branch or tag holds it (the head of a pull request). */
  want?: string;
};

/** Fetch all branches, tags and HEAD; what is gone from the source goes from the mirror. */
export async function fetchAll(
  mirror: Mirror,
  repository: Repository,
  options: FetchOptions,
  withHead = true,
): Promise<void> {
  const place = { gitDir: mirror.gitDir, authHeader: options.authHeader };
  const git = healStaleLocks(openTransport(repository, place), mirror.gitDir);
  const { signal, want } = options;
  // A folder inside a checkout is no URL that git fetches from.
  const url =
    repository.kind === "local" ? (await inspectSource(repository.url)).topLevel : repository.url;
  const args = [
    "fetch",
    "--quiet",
    "--prune",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    "--update-shallow",
    "--end-of-options",
    url,
    "+refs/heads/*:refs/remotes/origin/*",
    "+refs/tags/*:refs/tags/*",
    ...(want && !(await has(mirror, want)) ? [`+${want}:refs/source/commits/${want}`] : []),
  ];
  const head = withHead ? ["+HEAD:refs/source/HEAD"] : [];
  try {
    await git.run([...args, ...head], signal ? { signal } : {});
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    const unborn = withHead && /couldn't find remote ref HEAD/.test(error.stderr);
    if (unborn) return fetchAll(mirror, repository, options, false);
    throw explainTransport(error, repository);
  }
  if (!withHead) await openMirror(mirror).run(["update-ref", "-d", "refs/source/HEAD"]);
}

/**
 * Where a local repository's HEAD is, and whether the mirror has all its refs as they are. Three
 * commands side by side: this is on the way of every task.
 */
export async function lookAtSource(
  mirror: Mirror,
  repository: Repository,
  want: string | undefined,
): Promise<{ head: SourceHead | null; isMirrored: boolean }> {
  const git = openGit({ gitDir: null, mode: "transport", cwd: repository.url });
  const [theirs, branch, ours, hasWanted] = await Promise.all([
    git.ask(["show-ref", "--head", "--heads", "--tags"]),
    git.ask(["symbolic-ref", "--quiet", "--short", "HEAD"]),
    openMirror(mirror).ask(["show-ref"]),
    has(mirror, want),
  ]).catch(async (error) => {
    await inspectSource(repository.url); // says that the folder is gone, if that is it
    throw error;
  });
  // Exit 1 is a repository without refs; anything else is none, and inspecting it says why.
  if (theirs.exitCode > 1) await inspectSource(repository.url);
  const listed = sortRefs(theirs.stdout.toString("utf8"));
  const mirrored = ours.stdout.toString("utf8").replaceAll(" refs/remotes/origin/", " refs/heads/");
  const isMirrored = listed === sortRefs(mirrored.replace(" refs/source/HEAD\n", " HEAD\n"));
  const commit = /^([0-9a-f]{40}) HEAD$/m.exec(listed)?.[1];
  const ref = branch.stdout.toString("utf8").trim() || "HEAD";
  return { head: commit ? { commit, ref } : null, isMirrored: isMirrored && hasWanted };
}

function sortRefs(text: string): string {
  const lines = text.split("\n").filter((line) => / (HEAD|refs\/(heads|tags)\/.*)$/.test(line));
  return lines.sort().join("\n");
}

async function has(mirror: Mirror, commit: string | undefined): Promise<boolean> {
  if (commit === undefined) return true;
  invariant(/^[0-9a-f]{40}$/.test(commit), `${commit} is no full commit id`);
  return (await findIn(openMirror(mirror), commit)) !== null;
}

/** A remote does not say in a fetch which branch its HEAD is: the best-known name at that commit. */
export async function guessHead(mirror: Mirror): Promise<SourceHead | null> {
  const git = openMirror(mirror);
  const commit = await findIn(git, "refs/source/HEAD");
  if (commit === null) return null;
  const names = await git.run([
    "for-each-ref",
    "--format=%(refname:lstrip=3)",
    `--points-at=${commit}`,
    "refs/remotes/origin",
  ]);
  const branches = names.split("\n").filter(Boolean);
  const known = ["main", "master", "trunk", "develop"].find((name) => branches.includes(name));
  return { commit, ref: known ?? branches[0] ?? "HEAD" };
}
