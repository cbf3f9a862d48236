import type { Octokit } from "octokit";

/**
 * The client of GitHub's API. It waits out short rate limits and retries transient failures; longer
 * waits are those of the stage that asked.
 */
export type ClientConfig = {
  apiUrl: string;
  /** False skips pauses between writes and before retries: for servers that are not GitHub. */
  patient?: boolean;
};

/** An account as it is shown beside what it wrote. */
export type GithubAccount = { id: number; login: string };

/** The client, and as whom it writes; null: GitHub does not tell. */
export type GithubClient = Octokit & { findSelf: () => Promise<GithubAccount | null> };

const longestWaitS = 30;
const requestTimeoutMs = 30_000;

/** What every client has in common, whoever it speaks for. */
export function clientOptions({ apiUrl, patient = true }: ClientConfig) {
  const wait = (retryAfterS: number, options: { request?: { retryCount?: number } }) =>
    retryAfterS <= longestWaitS && (options.request?.retryCount ?? 0) < 2;
  return {
    baseUrl: apiUrl.replace(/\/+$/, ""),
    userAgent: "deputy",
    // Its errors say what happened; its log would repeat URLs and bodies.
    log: { debug() {}, info() {}, warn() {}, error() {} },
    request: {
      fetch: (url: string, init: RequestInit) =>
        fetch(url, { ...init, signal: AbortSignal.timeout(requestTimeoutMs) }),
    },
    retry: patient ? { retries: 2 } : { retries: 1, retryAfterBaseValue: 1 },
    throttle: patient ? { onRateLimit: wait, onSecondaryRateLimit: wait } : { enabled: false },
  };
}

/** A client with a token of its own. The library is loaded on first use. */
export async function makeTokenClient(config: ClientConfig, token: string): Promise<GithubClient> {
  const { Octokit } = await import("octokit");
  const client = new Octokit({ ...clientOptions(config), auth: token });
  let self: Promise<GithubAccount | null> | null = null;
  const findSelf = () => {
    self ??= readSelf(client).catch((error) => {
      self = null;
      throw error;
    });
    return self;
  };
  return Object.assign(client, { findSelf });
}

/** A token that is an app's cannot look up its account. */
async function readSelf(client: Octokit): Promise<GithubAccount | null> {
  try {
    const { id, login } = (await client.rest.users.getAuthenticated()).data;
    return { id, login };
  } catch (error) {
    const { status } = error as { status?: number };
    if (status === 403 || status === 404) return null;
    throw error;
  }
}
