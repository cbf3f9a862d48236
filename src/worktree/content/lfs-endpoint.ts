import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { isLoopback, parseRepository, type Repository } from "../mirror/repository-url.ts";
import { inspectSource } from "../mirror/source-repository.ts";
import { readFileAt } from "../read/read-commit.ts";

/**
 * Where Git LFS keeps the content that a repository's commits point to: with the remote that git
 * itself uses. A `.lfsconfig` may only name another URL on the same host, because the daemon's
 * credentials go there, and it is read from the base commit, never as an agent wrote it.
 */
export type LfsRemote = {
  repository: Repository;
  /** The remote as Git LFS takes it. */
  url: string;
  config: Record<string, string>;
};

/** Null when there is no endpoint. A string says why a named one is not used. */
export async function findLfsRemote(
  mirror: Mirror,
  repository: Repository,
  baseCommit: string,
): Promise<LfsRemote | null | string> {
  let remote = repository;
  if (repository.kind === "local") {
    const { git } = await inspectSource(repository.url);
    const origin = await git.ask(["config", "--get", "remote.origin.url"]);
    const text = origin.stdout.toString("utf8").trim();
    if (origin.exitCode !== 0 || text === "") return null;
    try {
      remote = parseRepository(text);
    } catch {
      return null; // a relative path, or a URL that Deputy does not fetch from
    }
    const own = await git.ask(["config", "--get", "lfs.url"]);
    const url = own.stdout.toString("utf8").trim();
    // Users may configure their own checkout as they like.
    if (url !== "") return { ...remoteOf(remote), config: { "lfs.url": url } };
  }
  const told = await readLfsUrl(mirror, baseCommit);
  if (told === null) return remoteOf(remote);
  const isSame = hostOf(told) !== null && hostOf(told) === hostOf(remote.url);
  const url = URL.canParse(told) ? new URL(told) : null;
  const isSafe =
    url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (isSame && isSafe) return { ...remoteOf(remote), config: { "lfs.url": told } };
  return `.lfsconfig names ${told} for Git LFS, which is not on the host of ${remote.url}: Deputy's credentials are not taken there`;
}

function remoteOf(repository: Repository): LfsRemote {
  const { kind, url } = repository;
  return { repository, url: kind === "local" ? `file://${url}` : url, config: {} };
}

async function readLfsUrl(mirror: Mirror, commit: string): Promise<string | null> {
  if ((await readFileAt(mirror, commit, ".lfsconfig")) === null) return null;
  const args = ["config", `--blob=${commit}:.lfsconfig`, "--get", "lfs.url"];
  const { exitCode, stdout } = await openMirror(mirror).ask(args);
  const url = stdout.toString("utf8").trim();
  return exitCode === 0 && url !== "" ? url : null;
}

/** The host with its port as a URL or `git@host:path` names it. */
function hostOf(url: string): string | null {
  if (URL.canParse(url) && url.includes("://")) {
    const { protocol, host, hostname } = new URL(url);
    return protocol === "ssh:" ? hostname : host;
  }
  return /^(?:[^@/\s]+@)([^:/\s]+):/.exec(url)?.[1] ?? null;
}
