import type { Octokit } from "octokit";
import { DeputyError } from "../../core/base/error.ts";
import type { Redact } from "../../core/text/redact.ts";
import { explainGithubError } from "./github-errors.ts";

/**
 * The one client of GitHub's API. It waits out short rate limits and retries transient failures;
 * what it throws is a DeputyError with one redacted sentence.
 */
export type GithubConfig = {
  token: string | null;
  apiUrl: string;
  /** False skips pauses between writes and before retries: for servers that are not GitHub. */
  patient?: boolean;
};

const longestWaitS = 30;
const requestTimeoutMs = 30_000;

/** `doing` completes "Could not …". */
type CallGithub = <T>(doing: string, work: (octokit: Octokit) => Promise<T>) => Promise<T>;

/** The client is loaded on first use. */
export function openGithub(
  config: Omit<GithubConfig, "token"> & { token: string },
  redact: Redact,
): CallGithub {
  let client: Promise<Octokit> | undefined;
  return async (doing, work) => {
    client ??= makeClient(config.token, config);
    try {
      return await work(await client);
    } catch (error) {
      // The server's message is stored and shown, so it is redacted like outgoing text.
      const { code, message, retryAt } = explainGithubError(error, doing, config.apiUrl);
      throw new DeputyError(code, redact(message), { retryAt });
    }
  };
}

async function makeClient(token: string, config: Omit<GithubConfig, "token">): Promise<Octokit> {
  const { Octokit } = await import("octokit");
  const patient = config.patient ?? true;
  const wait = (retryAfterS: number, options: { request?: { retryCount?: number } }) =>
    retryAfterS <= longestWaitS && (options.request?.retryCount ?? 0) < 2;
  return new Octokit({
    auth: token,
    baseUrl: config.apiUrl.replace(/\/+$/, ""),
    userAgent: "deputy",
    // Its errors say what happened; its log would repeat URLs and bodies.
    log: { debug() {}, info() {}, warn() {}, error() {} },
    request: {
      fetch: (url: string, init: RequestInit) =>
        fetch(url, { ...init, signal: AbortSignal.timeout(requestTimeoutMs) }),
    },
    retry: patient ? { retries: 2 } : { retries: 1, retryAfterBaseValue: 1 },
    throttle: patient ? { onRateLimit: wait, onSecondaryRateLimit: wait } : { enabled: false },
  });
}
