import { DeputyError } from "../../core/base/error.ts";

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
 * branch pushed to one host gets no pull request in a namesake on another. Throws a DeputyError
 * otherwise.
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
    `${withoutCredentials(url)} is not a repository on ${[...hostsOf(apiUrl)][0]}, so it can have no pull request there: use --deliver branch (deliver: branch in a trigger's rule), or set GITHUB_API_URL.`,
    { field: "deliver" },
  );
}

/**
 * Throws if no pull request could be opened for the repository, so that this is known before the
 * work instead of after it.
 */
export function requirePullRequests(
  github: { token: string | null; app: object | null; apiUrl: string },
  repositoryUrl: string,
): void {
  parseGithubRepository(repositoryUrl, github.apiUrl);
  if (github.token === null && github.app === null) {
    throw new DeputyError(
      "unprocessable",
      "A pull request needs access to GitHub: deputy github connect, or set GITHUB_TOKEN for the daemon, or use --deliver branch (deliver: branch in a trigger's rule).",
      { field: "deliver" },
    );
  }
}

/** Parse `owner/name#12`, as origins write it. */
export function parseGithubTarget(target: string): GithubRepository & { number: number } {
  const [, owner, repo, number] =
    new RegExp(`^(${part})/(${part})#(\\d{1,12})$`).exec(target) ?? [];
  if (owner === undefined || repo === undefined || number === undefined) {
    throw new DeputyError(
      "unprocessable",
      `"${target}" is not an issue or pull request on GitHub.`,
    );
  }
  return { owner, repo, number: Number(number) };
}

/** Parse `owner/name`. */
export function parseGithubName(name: string): GithubRepository {
  const { owner, repo } = parseGithubTarget(`${name}#1`);
  return { owner, repo };
}

/** The pull request of a repository that a URL of ours ends with. */
export function parsePullRequest(
  repositoryUrl: string,
  url: string,
  apiUrl: string,
): GithubRepository & { number: number } {
  const { owner, repo } = parseGithubRepository(repositoryUrl, apiUrl);
  // GitHub's own form alone: on one machine, other forges may have its host.
  const [, number = ""] = /\/pull\/(\d{1,12})$/.exec(url) ?? [];
  return parseGithubTarget(`${owner}/${repo}#${number}`);
}

/** `owner/name` of a pull request that a URL of ours ends with; null: it is not on this GitHub. */
export function nameOfPull(repositoryUrl: string, url: string, apiUrl: string): string | null {
  try {
    const { owner, repo } = parsePullRequest(repositoryUrl, url, apiUrl);
    return `${owner}/${repo}`;
  } catch (error) {
    if (error instanceof DeputyError) return null;
    throw error;
  }
}

/** Whether a task's pull request is one of `owner/name` on this GitHub, and not of a namesake elsewhere. */
export function isPullOf(
  name: string,
  task: { repository: string; deliveryUrl: string | null },
  apiUrl: string,
): boolean {
  const of =
    task.deliveryUrl === null ? null : nameOfPull(task.repository, task.deliveryUrl, apiUrl);
  return of?.toLowerCase() === name.toLowerCase();
}

function hostsOf(apiUrl: string): Set<string> {
  const host = new URL(apiUrl).hostname;
  const itself = ["github.com", "www.github.com", "ssh.github.com"];
  if (host === "api.github.com") return new Set(itself);
  // A self-hosted GitHub has its API under its own name.
  if (!isLoopback(host)) return new Set([host, host.replace(/^api\./, "")]);
  return new Set([...itself, host]);
}

/** A local API is a test double of GitHub's, or a relay to it. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//").slice(0, 200);
}
