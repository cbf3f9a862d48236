import { join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { invariant } from "../../core/base/invariant.ts";
import { withRepositoryLock } from "../git/repository-lock.ts";
import {
  type FetchOptions,
  fetchAll,
  guessHead,
  lookAtSource,
  type SourceHead,
} from "./fetch-source.ts";
import {
  isWhole,
  listMirrors,
  type Mirror,
  type Mirrors,
  openMirror,
  openMirrors,
  type SourceAccess,
} from "./open-mirror.ts";
import { makeMirror, withSoundMirror } from "./repair-mirror.ts";
import type { Repository } from "./repository-url.ts";
import { baseCandidates, findIn } from "./source-repository.ts";

// The rest of the system uses mirrors through this file.
export { listMirrors, type Mirror, type Mirrors, openMirror, openMirrors, type SourceAccess };

/** A mirror that was just brought up to date, with the source's HEAD at that time. */
export type FetchedMirror = Mirror & { head: SourceHead | null };

/** The place of a repository's mirror, whether it exists or not. */
export function placeMirror(mirrors: Mirrors, repository: Repository): Mirror {
  return mirrors.at(join(mirrors.root, `${repository.key}.git`));
}

/**
 * Brings the repository's mirror up to date, creating it when it is missing. Nothing is fetched
 * from a local repository whose branches, tags and HEAD did not move: a few milliseconds.
 */
export async function ensureMirror(
  mirrors: Mirrors,
  repository: Repository,
  options: FetchOptions = {},
): Promise<FetchedMirror> {
  const mirror = placeMirror(mirrors, repository);
  const isNew = !isWhole(mirror);
  if (isNew) await makeMirror(mirror, repository, options);
  return withSoundMirror(mirror, repository, options, async () => {
    const head =
      repository.kind === "local"
        ? await followLocal(mirror, repository, options)
        : await followRemote(mirror, repository, options, isNew);
    return { ...mirror, head };
  });
}

async function followRemote(
  mirror: Mirror,
  repository: Repository,
  options: FetchOptions,
  isNew: boolean,
): Promise<SourceHead | null> {
  const fetch = () => fetchAll(mirror, repository, options);
  if (!isNew) await withRepositoryLock(mirror, mirror.gitDir, fetch, options.signal);
  return guessHead(mirror);
}

async function followLocal(
  mirror: Mirror,
  repository: Repository,
  options: FetchOptions,
): Promise<SourceHead | null> {
  let source = await lookAtSource(mirror, repository, options.want);
  if (source.isMirrored) return source.head;
  const update = async () => {
    // Another task may have fetched while this one waited for the lock.
    source = await lookAtSource(mirror, repository, options.want);
    if (!source.isMirrored) await fetchAll(mirror, repository, options, source.head !== null);
  };
  await withRepositoryLock(mirror, mirror.gitDir, update, options.signal);
  if (source.head && !(await hasCommit(mirror, source.head.commit)))
    throw new DeputyError(
      "unprocessable",
      `${repository.url} does not let its branch ${source.head.ref} be fetched: look for transfer.hideRefs and uploadpack.hideRefs in its configuration.`,
      { field: "repository" },
    );
  return source.head;
}

/**
 * The commit that a task starts from: a branch, a tag, a full or abbreviated commit; null: HEAD,
 * which for a checkout is the checked-out commit. Throws a DeputyError when there is none.
 */
export async function resolveBase(
  mirror: FetchedMirror,
  base: string | null,
): Promise<{ commit: string; ref: string }> {
  if (base === null || base === "HEAD") {
    if (mirror.head) return mirror.head;
    throw new DeputyError(
      "unprocessable",
      "The repository has no commit: commit something first.",
      {
        field: "repository",
      },
    );
  }
  const git = openMirror(mirror);
  for (const name of baseCandidates(base, "refs/remotes/origin/")) {
    const commit = await findIn(git, name);
    if (commit !== null) return { commit, ref: base };
  }
  throw new DeputyError(
    "unprocessable",
    `The base "${base}" is no branch, tag or commit of the repository: name one that exists there.`,
    { field: "base" },
  );
}

/** Keeps a commit reachable as refs/deputy/NAME (or that full name). Moves an existing ref. */
export async function pinRef(mirror: Mirror, name: string, commit: string): Promise<void> {
  await moveRef(mirror, deputyRef(name), commit);
}

/** Pins a snapshot. Another one that the ref holds by now is kept beside it, as NAME-COMMIT. */
export async function pinSnapshot(mirror: Mirror, name: string, commit: string): Promise<void> {
  const before = await readRef(mirror, name);
  if (before !== null && before !== commit)
    await pinRef(mirror, `${name}-${before.slice(0, 12)}`, before);
  await pinRef(mirror, name, commit);
}

/** Points a ref of the mirror, by its full name, to a commit. */
export async function moveRef(mirror: Mirror, ref: string, commit: string): Promise<void> {
  await openMirror(mirror).run(["update-ref", "--no-deref", ref, commit]);
}

/** The commit of refs/deputy/NAME, or null. */
export async function readRef(mirror: Mirror, name: string): Promise<string | null> {
  return findIn(openMirror(mirror), deputyRef(name));
}

/** The refs of ours below these prefixes of full names, with the tree and time of each commit. */
export async function listRefs(
  mirror: Mirror,
  prefixes: readonly string[],
): Promise<{ ref: string; commit: string; tree: string; at: Date }[]> {
  const format = "--format=%(refname) %(objectname) %(tree) %(committerdate:unix)";
  const text = await openMirror(mirror).run(["for-each-ref", format, ...prefixes]);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [ref = "", commit = "", tree = "", seconds] = line.split(" ");
      return { ref, commit, tree, at: new Date(Number(seconds) * 1_000) };
    });
}

/** Whether the mirror has this commit, by its full id. */
export async function hasCommit(mirror: Mirror, commit: string): Promise<boolean> {
  return (await findIn(openMirror(mirror), commit)) !== null;
}

/** Deletes refs/deputy/NAME for each name, and all below and beside it. Returns how many those were. */
export async function deleteRefs(mirror: Mirror, names: readonly string[]): Promise<number> {
  if (names.length === 0) return 0; // without a pattern git lists them all
  const git = openMirror(mirror);
  return withRepositoryLock(mirror, mirror.gitDir, async () => {
    const patterns = names.map(deputyRef).flatMap((name) => [name, `${name}-*`]);
    const found = await git.run(["for-each-ref", "--format=delete %(refname)", ...patterns]);
    if (found !== "") await git.run(["update-ref", "--no-deref", "--stdin"], { input: found });
    return found.split("\n").length - 1;
  });
}

/** The full name of a ref of ours. The daemon makes names from ids: a bad one is a bug. */
function deputyRef(text: string): string {
  const name = text.replace(/^refs\/deputy\//, "");
  const ok = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/.test(name);
  invariant(ok && !/\.\.|\.lock(\/|$)|\.(\/|$)/.test(name), `bad ref name ${JSON.stringify(name)}`);
  return `refs/deputy/${name}`;
}
