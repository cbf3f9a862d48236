import type { Config } from "../config/config.ts";
import type { SourceAccess } from "../worktree/mirror/mirror.ts";
import { isLoopback } from "../worktree/mirror/repository-url.ts";

/** What the configured GitHub means for git: its token, and the files it takes. */
type GitHub = Config["github"];

/**
 * Returns the header with a token, as git takes it, for URLs of the forge that the token belongs to:
 * by https, or unencrypted where nothing leaves this machine. Null for any other URL.
 */
export function makeAuthHeader({
  forges,
  github,
}: Pick<Config, "forges" | "github">): (url: string) => string | null {
  const logins = [
    { host: hostOf(github), user: "x-access-token", token: github.token },
    ...forges.map(({ token, url }) => ({ host: new URL(url).host, user: "oauth2", token })),
  ];
  return (url) => {
    if (!/^https?:\/\//.test(url)) return null;
    const { protocol, hostname, host } = new URL(url);
    const login = logins.find((one) => one.host === host);
    if (!login?.token || (protocol === "http:" && !isLoopback(hostname))) return null;
    const basic = Buffer.from(`${login.user}:${login.token}`).toString("base64");
    return `Authorization: Basic ${basic}`;
  };
}

/** How mirrors reach what they are mirrors of. */
export function makeSourceAccess(
  config: Pick<Config, "forges" | "github" | "partialClones">,
): SourceAccess {
  return {
    authHeader: makeAuthHeader(config),
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
