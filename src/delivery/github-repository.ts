import { DeputyError } from "../core/error.ts";

export type GithubRepository = { owner: string; repo: string };

const part = "[A-Za-z0-9_.-]+";
const forms = [
  new RegExp(
    `^(?:https?|ssh|git)://(?:[^/@]*@)?(?<host>[^/]+)/(?<owner>${part})/(?<repo>${part})/?$`,
  ),
  new RegExp(`^(?:[^/@:]+@)?(?<host>[^/:@]+):(?<owner>${part})/(?<repo>${part})/?$`),
];

/**
 * Owner and name from a repository's URL, which must be on the GitHub that the API belongs to: a
 * branch pushed to one host gets no pull request in a namesake on another.
 */
export function parseGithubRepository(url: string, apiUrl: string): GithubRepository {
  for (const form of forms) {
    const groups = form.exec(url)?.groups;
    if (!groups) continue;
    const host = (groups.host ?? "").toLowerCase().replace(/:\d+$/, "");
    const repo = (groups.repo ?? "").replace(/\.git$/, "");
    const owner = groups.owner ?? "";
    if (!hostsOf(apiUrl).has(host)) break;
    if ([owner, repo].some((name) => name === "" || /^\.{1,2}$/.test(name))) break;
    return { owner, repo };
  }
  throw new DeputyError(
    "unprocessable",
    `${withoutCredentials(url)} is no repository on ${[...hostsOf(apiUrl)][0]}, so it can have no pull request there: deliver a branch instead, or set GITHUB_API_URL.`,
  );
}

/** `owner/name` or `owner/name#12`, as origins write it. */
export function parseGithubTarget(target: string): GithubRepository & { number: number } {
  const [, owner, repo, number] =
    new RegExp(`^(${part})/(${part})#(\\d{1,12})$`).exec(target) ?? [];
  if (owner === undefined || repo === undefined || number === undefined) {
    throw new DeputyError("unprocessable", `"${target}" is no issue or pull request of GitHub.`);
  }
  return { owner, repo, number: Number(number) };
}

function hostsOf(apiUrl: string): Set<string> {
  const host = new URL(apiUrl).hostname;
  // A GitHub of one's own has its API under its own name; github.com has it beside.
  return host === "api.github.com" || isLoopback(host)
    ? new Set(["github.com", "www.github.com", "ssh.github.com"])
    : new Set([host, host.replace(/^api\./, "")]);
}

/** An API on this machine is a stand-in for GitHub's: tests, or a relay of one's own. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//").slice(0, 200);
}
