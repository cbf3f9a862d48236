import { invariant } from "../../core/base/invariant.ts";
import { openGit } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";
import { healStaleLocks } from "../git/stale-locks.ts";
import { type Mirror, openMirror } from "./open-mirror.ts";
import { blobFilter, isPartial, promisor, promisorUrl } from "./partial-mirror.ts";
import type { Repository } from "./repository-url.ts";
import { findIn, inspectSource } from "./source-repository.ts";
import { explainTransport, openTransport } from "./transport.ts";

/** Fetches commits from a user's repository into its mirror, or finds none to fetch. */

/** The source's HEAD: a branch's name, or "HEAD" when it is detached. */
export type SourceHead = { commit: string; ref: string };

export type FetchOptions = {
  /** A whole header line, `Authorization: …`, for https. Passed in the environment. */
  authHeader?: string;
  signal?: AbortSignal;
  /** A full commit id to fetch even if no branch or tag holds it (the head of a pull request). */
  want?: string;
};

/**
 * Fetches all branches, tags and HEAD; what is gone from the source is pruned. Returns false where
 * contents were to be left out (partial-mirror.ts) and the source sent them all the same.
 */
export async function fetchAll(
  mirror: Mirror,
  repository: Repository,
  options: FetchOptions,
  withHead = true,
): Promise<boolean> {
  const partial = isPartial(mirror);
  const place = {
    ...{ gitDir: mirror.gitDir, authHeader: options.authHeader },
    ...(partial && { config: promisorUrl(repository) }),
  };
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
    ...(partial ? [`--filter=${blobFilter}`] : []),
    "--end-of-options",
    partial ? promisor : url,
    "+refs/heads/*:refs/remotes/origin/*",
    "+refs/tags/*:refs/tags/*",
    ...(want && !(await has(mirror, want)) ? [`+${want}:refs/source/commits/${want}`] : []),
  ];
  const head = withHead ? ["+HEAD:refs/source/HEAD"] : [];
  const { exitCode, stderr } = await git.ask([...args, ...head], signal ? { signal } : {});
  if (exitCode !== 0) {
    const unborn = withHead && /couldn't find remote ref HEAD/.test(stderr);
    if (unborn) return fetchAll(mirror, repository, options, false);
    throw explainTransport(new GitFailure(args, exitCode, stderr), repository);
  }
  if (!withHead) await openMirror(mirror).run(["update-ref", "-d", "refs/source/HEAD"]);
  return !/filtering not recognized/.test(stderr);
}

/**
 * Finds a local repository's HEAD, and whether the mirror has all its refs as they are. The
 * commands run concurrently, because every task waits for this. Of the mirror only fetched refs are
 * listed: there are thousands of our own.
 */
export async function lookAtSource(
  mirror: Mirror,
  repository: Repository,
  want: string | undefined,
): Promise<{ head: SourceHead | null; isMirrored: boolean }> {
  const git = openGit({ gitDir: null, mode: "transport", cwd: repository.url });
  const list = ["for-each-ref", "--format=%(HEAD)%(objectname) %(refname)"];
  const [theirs, ours, hasWanted] = await Promise.all([
    git.ask([...list, "refs/heads", "refs/tags"]),
    openMirror(mirror).run([...list, "refs/remotes/origin", "refs/tags", "refs/source/HEAD"]),
    has(mirror, want),
  ]).catch(async (error) => {
    await inspectSource(repository.url); // throws a clearer error when the folder is gone
    throw error;
  });
  if (theirs.exitCode !== 0) await inspectSource(repository.url);
  const lines = theirs.stdout.toString("utf8").split("\n").filter(Boolean);
  // The checked-out branch is marked; without a mark HEAD is detached or unborn.
  const [, branchCommit, branch] =
    /^\*([0-9a-f]{40}) refs\/heads\/(.+)$/.exec(lines.find((line) => line[0] === "*") ?? "") ?? [];
  const commit = branchCommit ?? (await findIn(git, "HEAD"));
  const listed = [...lines.map((line) => line.slice(1)), ...(commit ? [`${commit} HEAD`] : [])];
  const mirrored = ours
    .split("\n")
    .filter(Boolean)
    .map((line) =>
      line
        .slice(1)
        .replace(" refs/remotes/origin/", " refs/heads/")
        .replace(/ refs\/source\/HEAD$/, " HEAD"),
    );
  const isMirrored = listed.sort().join("\n") === mirrored.sort().join("\n");
  const head = commit ? { commit, ref: branch ?? "HEAD" } : null;
  return { head, isMirrored: isMirrored && hasWanted && (await has(mirror, commit ?? undefined)) };
}

async function has(mirror: Mirror, commit: string | undefined): Promise<boolean> {
  if (commit === undefined) return true;
  invariant(/^[0-9a-f]{40}$/.test(commit), `${commit} is no full commit id`);
  return (await findIn(openMirror(mirror), commit)) !== null;
}

/** A fetch does not tell the branch of a remote's HEAD: guess the best-known name at its commit. */
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
