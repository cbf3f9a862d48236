import type { Config } from "../config/config.ts";
import type { GithubAccess } from "../delivery/github/access/github-access.ts";
import type { SourceAccess } from "../worktree/mirror/mirror.ts";
import { isLoopback } from "../worktree/mirror/repository-url.ts";
import type { AuthHeader } from "../worktree/mirror/transport.ts";

/** What the configured GitHub means for git: with what it is asked, and the files it takes. */
type GitHub = Config["github"];

/**
 * Returns the header with a token, as git takes it, for URLs of the forge that the token belongs to:
 * by https, or unencrypted where nothing leaves this machine. Null for any other URL. A token of the
 * GitHub App is for the one repository that the URL names.
 */
export function makeAuthHeader(
  { forges, github }: Pick<Config, "forges" | "github">,
  access: GithubAccess | null,
): AuthHeader {
  const githubHost = hostOf(github);
  return async (url, use) => {
    if (!/^https?:\/\//.test(url)) return null;
    const { protocol, hostname, host, pathname } = new URL(url);
    if (protocol === "http:" && !isLoopback(hostname)) return null;
    const forge = forges.find((one) => new URL(one.url).host === host);
    if (forge) return writeHeader("oauth2", forge.token);
    const [, owner, repo] = /^\/([^/]+)\/([^/]+?)(?:\.git)?(?:\/|$)/.exec(pathname) ?? [];
    if (host !== githubHost || owner === undefined || repo === undefined) return null;
    const token = await access?.gitToken({ owner, repo }, use ?? "read");
    return writeHeader("x-access-token", token ?? null);
  };
}

function writeHeader(user: string, token: string | null): string | null {
  if (token === null) return null;
  return `Authorization: Basic ${Buffer.from(`${user}:${token}`).toString("base64")}`;
}

/** How mirrors reach what they are mirrors of. */
export function makeSourceAccess(
  config: Pick<Config, "forges" | "github" | "partialClones">,
  github: GithubAccess | null,
): SourceAccess {
  return {
    authHeader: makeAuthHeader(config, github),
    wantsPartial: (url) => config.partialClones.has(url),
  };
}

/** The size in bytes of the largest file that the host of a repository takes; null: any. */
export function maxFileBytes(github: GitHub, repository: string): number | null {
  return isOnGitHub(github, repository) ? maxGitHubFileBytes : null;
}

/** GitHub refuses a push with a larger file. */
const maxGitHubFileBytes = 100 * 1024 * 1024;

/** Over https or ssh; a folder of this machine is on no host, whatever its name. */
function isOnGitHub(github: GitHub, repository: string): boolean {
  const host = hostOf(github);
  return (
    !repository.startsWith("/") && [`${host}/`, `${host}:`].some((at) => repository.includes(at))
  );
}

function hostOf(github: GitHub): string {
  const { host } = new URL(github.apiUrl);
  return host === "api.github.com" ? "github.com" : host;
}
