import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import type { Git } from "../git/git.ts";
import { lfsStore, type Mirror, usesLfs } from "../mirror/open-mirror.ts";
import type { Repository } from "../mirror/repository-url.ts";
import { inspectSource } from "../mirror/source-repository.ts";
import { openTransport } from "../mirror/transport.ts";
import { findFilters } from "./content-filters.ts";
import type { FetchContent } from "./fetch-content.ts";
import { findLfsRemote } from "./lfs-endpoint.ts";
import { findMissingLfs } from "./lfs-missing.ts";
import { hasGitLfs, hasLfsObject, type LfsPointer, lfsObjectPath } from "./lfs-pointer.ts";

/**
 * Fetches the contents of a base commit's Git LFS files into the mirror's store, before any
 * worktree is made: from the store of the user's checkout first, then from the repository's remote,
 * by the daemon and with its credentials. Unavailable content stays a pointer in worktrees.
 */
const maxFetchBytes = 20 * 1024 ** 3;

/** Returns sentences for a person about files that worktrees hold unfiltered or as pointers. */
export async function fetchLfs(
  mirror: Mirror,
  repository: Repository,
  commit: string,
  options: FetchContent,
): Promise<string[]> {
  const filters = [...(await findFilters(mirror, commit))];
  const notes = describeOthers(filters.filter(([, name]) => name !== "lfs"));
  const paths = filters.filter(([, name]) => name === "lfs").map(([path]) => path);
  if (paths.length === 0) return notes;
  if (!(await hasGitLfs(mirror))) {
    if (usesLfs(mirror)) throw missingGitLfs(repository);
    return [
      ...notes,
      `Git LFS is not installed for the daemon, so worktrees hold pointers in place of ${listPaths(paths)}, and a change to one is not delivered: install git-lfs.`,
    ];
  }
  for (const name of ["tmp", "objects"])
    await mkdir(join(lfsStore(mirror), name), { recursive: true, mode: 0o700 });
  let missing = await findMissingLfs(mirror, commit);
  if (missing.size > 0 && repository.kind === "local") {
    const store = await findUserStore(repository);
    for (const pointer of missing.values()) await copyLfsObject(store, lfsStore(mirror), pointer);
    missing = await findMissingLfs(mirror, commit);
  }
  if (missing.size === 0) return notes;
  const problem = options.mayAsk
    ? await askRemote(mirror, repository, commit, missing, options)
    : "a stranger's commit names them";
  missing = await findMissingLfs(mirror, commit);
  if (missing.size > 0) {
    const names = [...missing.keys()];
    notes.push(
      `The content of ${listPaths(names)} cannot be had from Git LFS (${problem ?? "the server does not have it"}): worktrees hold the pointer${names.length === 1 ? "" : "s"}.`,
    );
  }
  return notes;
}

/** Returns why nothing was fetched, as a clause; null when git-lfs succeeded. */
async function askRemote(
  mirror: Mirror,
  repository: Repository,
  commit: string,
  missing: ReadonlyMap<string, LfsPointer>,
  { authHeader, signal }: FetchContent,
): Promise<string | null> {
  const bytes = [...missing.values()].reduce((sum, { size }) => sum + size, 0);
  if (bytes > maxFetchBytes) return `${bytes} bytes are more than ${maxFetchBytes}`;
  const remote = await findLfsRemote(mirror, repository, commit);
  if (remote === null) return "the repository has no remote";
  if (typeof remote === "string") return remote;
  const git = openTransport(remote.repository, {
    gitDir: mirror.gitDir,
    authHeader: (await authHeader(remote.repository.url)) ?? undefined,
    config: remote.config,
  });
  const { exitCode, stderr } = await git.ask(["lfs", "fetch", remote.url, commit], { signal });
  if (exitCode === 0) return null;
  const said = explainLfs(stderr);
  // Content that a checkout on this machine lacks too is not needed for its work.
  if (repository.kind === "local" || isMissingThere(stderr)) return said;
  throw new DeputyError(
    isRefused(stderr) ? "unprocessable" : "unavailable",
    `Git LFS cannot fetch what ${repository.url} keeps in it: ${said}.`,
    { field: "repository" },
  );
}

function isMissingThere(stderr: string): boolean {
  return /object does not exist|\b(404|410)\b|not found on the server/i.test(stderr);
}

function isRefused(stderr: string): boolean {
  return /authori[sz]|authentication|credentials|\b40[13]\b|permission denied/i.test(stderr);
}

/** The line of git-lfs that names the problem. */
export function explainLfs(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const line = lines.find((each) => each !== "" && !/^(fetch|Uploading|Downloading)/.test(each));
  return (line ?? "it said nothing").replace(/[.\s]+$/, "").slice(0, 300);
}

/** The folder in which the user's own Git LFS keeps objects. */
export async function findUserStore(repository: Repository): Promise<string> {
  const { commonDir, git } = await inspectSource(repository.url);
  const storage = await readConfig(git, "lfs.storage");
  if (storage === null) return join(commonDir, "lfs");
  return isAbsolute(storage) ? storage : join(commonDir, storage);
}

async function readConfig(git: Git, name: string): Promise<string | null> {
  const { exitCode, stdout } = await git.ask(["config", "--get", name]);
  return exitCode === 0 ? stdout.toString("utf8").trim() || null : null;
}

/** Copies one object between stores, whole or not at all; false when `from` does not have it. */
export async function copyLfsObject(
  from: string,
  to: string,
  pointer: LfsPointer,
): Promise<boolean> {
  if (!(await hasLfsObject(from, pointer))) return false;
  if (await hasLfsObject(to, pointer)) return true;
  const target = lfsObjectPath(to, pointer);
  const draft = `${target}.${randomUUID()}`;
  await mkdir(dirname(target), { recursive: true });
  try {
    await copyFile(lfsObjectPath(from, pointer), draft, constants.COPYFILE_FICLONE);
    await rename(draft, target);
  } finally {
    await rm(draft, { force: true });
  }
  return true;
}

function missingGitLfs(repository: Repository): DeputyError {
  return new DeputyError(
    "unprocessable",
    `${repository.url} uses Git LFS, which is not installed for the daemon any more: install git-lfs again.`,
    { field: "repository" },
  );
}

function describeOthers(filters: readonly [string, string][]): string[] {
  const byName = new Map<string, string[]>();
  for (const [path, name] of filters) byName.set(name, [...(byName.get(name) ?? []), path]);
  return [...byName].map(
    ([name, paths]) =>
      `The filter "${name}" is not run, so worktrees hold ${listPaths(paths)} as committed, and a change to one is not delivered.`,
  );
}

function listPaths(paths: readonly string[]): string {
  const shown = paths.slice(0, 3).join(", ");
  return paths.length > 3 ? `${shown} and ${paths.length - 3} more` : shown;
}
