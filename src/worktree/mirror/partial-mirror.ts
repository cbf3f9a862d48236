import { existsSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { invariant } from "../../core/base/invariant.ts";
import { type Git, gitVersion } from "../git/git.ts";
import { GitFailure } from "../git/git-failure.ts";
import { withRepositoryLock } from "../git/repository-lock.ts";
import type { Mirror } from "./open-mirror.ts";
import { parseRepository, type Repository } from "./repository-url.ts";
import { explainTransport, openTransport } from "./transport.ts";

/**
 * A partial mirror has all commits and folders of its source, and of the files' contents those that
 * something needed (git's `--filter=blob:none`). Its configuration names the source as a promisor, so
 * git takes what is missing for promised, not for damage. Git itself fetches nothing: our commands
 * have no network, and one that lacks an object ends and names it (git 2.39). Then the object is
 * fetched as the mirror is, with the credentials for its source, and the command runs again. What is
 * needed in bulk is fetched beforehand (fetch-missing.ts).
 *
 * A file in the mirror names its source; a mirror without one is whole.
 */
const recordName = "promisor";

/** The name of the source as a remote in the configuration of a partial mirror. */
export const promisor = "source";
export const blobFilter = "blob:none";
export const promisorConfig = `[remote "${promisor}"]\n\tpromisor = true\n\tpartialCloneFilter = ${blobFilter}\n`;

/** The repository that has what this mirror lacks; null: the mirror is whole. */
export function promisorOf({ gitDir }: Pick<Mirror, "gitDir">): Repository | null {
  const path = join(gitDir, recordName);
  return existsSync(path) ? parseRepository(readFileSync(path, "utf8")) : null;
}

export function isPartial({ gitDir }: Pick<Mirror, "gitDir">): boolean {
  return existsSync(join(gitDir, recordName));
}

/** Makes an empty mirror a partial one of this repository. */
export async function makePartial({ gitDir }: Mirror, repository: Repository): Promise<void> {
  await writeFile(join(gitDir, recordName), repository.url, { mode: 0o600 });
}

/** Takes that back, where the source sent everything. */
export async function makeWhole({ gitDir }: Mirror): Promise<void> {
  await rm(join(gitDir, recordName), { force: true });
}

/** Says so where a mirror is whole that is wanted to be partial; for the notes of a task. */
export function explainWhole(mirror: Mirror, { url }: Repository): string[] {
  if (!mirror.wantsPartial(url) || isPartial(mirror)) return [];
  return [
    `The mirror of ${url} is whole in spite of \`partial_clone\`: it was made before that was set, its server does not filter, or git is older than 2.39.`,
  ];
}

/** Whether the installed git says which promised object a command lacks. */
export async function canBePartial(): Promise<boolean> {
  const { major, minor } = await gitVersion();
  return major > 2 || (major === 2 && minor >= 39);
}

/**
 * Fetches objects by their ids into a partial mirror. One fetch at a time: callers that need the same
 * wait for it, so `select` tells what is still missing once it is their turn.
 * @throws DeputyError `unavailable`, whatever the source says: it had them when it was mirrored.
 */
export async function fetchObjects(
  mirror: Mirror,
  select: () => Promise<readonly string[]>,
  signal?: AbortSignal,
): Promise<void> {
  const fetch = async () => {
    const ids = await select();
    const source = promisorOf(mirror);
    invariant(source, `${mirror.gitDir} is a partial mirror`);
    if (ids.length === 0) return;
    const authHeader = await mirror.authHeader(source.url);
    const git = openTransport(source, {
      gitDir: mirror.gitDir,
      ...(authHeader && { authHeader }),
      config: { ...promisorUrl(source), "fetch.negotiationAlgorithm": "noop" },
    });
    const { exitCode, stderr } = await git.ask([...fetchArgs, "--stdin", promisor], {
      input: ids.map((id) => `${id}\n`).join(""),
      ...(signal && { signal }),
    });
    if (exitCode !== 0) throw explain(new GitFailure(fetchArgs, exitCode, stderr), source, ids);
  };
  await withRepositoryLock(mirror, join(mirror.gitDir, "promised"), fetch, signal);
}

/** The source's URL as configuration of a transport, the only git that ever knows it. */
export function promisorUrl({ url }: Repository): Record<string, string> {
  return { [`remote.${promisor}.url`]: url };
}

const fetchArgs = [
  ...["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"],
  ...["--no-auto-maintenance", "--refmap=", `--filter=${blobFilter}`],
];

function explain(failure: GitFailure, source: Repository, ids: readonly string[]): DeputyError {
  const [first = "", ...others] = ids;
  const what = `${first.slice(0, 10)}${others.length === 0 ? "" : ` and ${others.length} more`}`;
  const why = explainTransport(failure, source).message;
  const error = new DeputyError(
    "unavailable",
    `The mirror of ${source.url} is partial, and files that are needed now (${what}) could not be fetched: ${why}`,
    { field: "repository" },
  );
  error.cause = failure;
  return error;
}

/** Whether the source answered that it no longer has one of the objects that were to be fetched. */
export function isRefused(error: unknown): boolean {
  return (
    error instanceof DeputyError &&
    error.cause instanceof GitFailure &&
    /not our ref|unadvertised object/.test(error.cause.stderr)
  );
}

/**
 * Wraps git on a mirror: a command that ends for want of a promised object runs again with it.
 * @throws DeputyError `unavailable` for a command that wants too many, one by one; those that it got
 * stay, so the next try gets further.
 */
export function healMissing(git: Git, mirror: Mirror): Git {
  const ask: Git["ask"] = async (args, options) => {
    for (const fetched = new Set<string>(); ; ) {
      const answer = await git.ask(args, options);
      const id = lacking.exec(answer.stderr)?.[1];
      // One that was fetched: it is there and cannot be read, which is damage.
      if (answer.exitCode === 0 || id === undefined || fetched.has(id)) return answer;
      if (fetched.size === maxFetches)
        throw new DeputyError(
          "unavailable",
          `A git command on a partial mirror wants more than ${maxFetches} files one by one, the next one ${id.slice(0, 10)}: try again, which goes on from there.`,
          { field: "repository" },
        );
      await fetchObjects(mirror, async () => [id], options?.signal);
      fetched.add(id);
    }
  };
  return {
    ask,
    async run(args, options) {
      const answer = await ask(args, options);
      if (answer.exitCode !== 0) throw new GitFailure(args, answer.exitCode, answer.stderr);
      return answer.stdout.toString("utf8");
    },
  };
}

/** Each is a connection to the source, and the whole command again. */
const maxFetches = 200;
const lacking = /could not fetch ([0-9a-f]{40}) from promisor remote/;
