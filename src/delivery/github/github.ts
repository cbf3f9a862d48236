import type { Octokit } from "octokit";
import { DeputyError } from "../../core/base/error.ts";
import type { Redact } from "../../core/text/redact.ts";
import type { Forge } from "./forge.ts";
import { explainGithubError } from "./github-errors.ts";
import {
  type GithubRepository,
  parseGithubRepository,
  parseGithubTarget,
} from "./github-repository.ts";

/**
 * GitHub as a forge. Stateless: a pull request is found by its branch, a comment by a mark. Anybody
 * can set both, so a find is edited only if it is ours: its URL is in our rows, or its author is
 * the token's account. Outgoing text is redacted and cut to GitHub's limit. The client waits out
 * short rate limits and retries transient failures; for anything longer the calling stage is
 * retried as a whole.
 */
export type GithubConfig = {
  token: string | null;
  apiUrl: string;
  /** False skips pauses between writes and before retries: for servers that are not GitHub. */
  patient?: boolean;
};

const maxBody = 60_000; // GitHub accepts 65,536
const longestWaitS = 30;
const requestTimeoutMs = 30_000;

/** Null without a token. The client is loaded on first use. */
export function makeForge(config: GithubConfig, redact: Redact): Forge | null {
  const { token, apiUrl } = config;
  if (token === null) return null;
  let client: Promise<Octokit> | undefined;
  const call = async <T>(doing: string, work: (octokit: Octokit) => Promise<T>): Promise<T> => {
    client ??= makeClient(token, config);
    try {
      return await work(await client);
    } catch (error) {
      // The server's message is stored and shown, so it is redacted like outgoing text.
      const { code, message } = explainGithubError(error, doing, apiUrl);
      throw new DeputyError(code, redact(message));
    }
  };
  return {
    openDraftPullRequest(request) {
      const repository = parseGithubRepository(request.repositoryUrl, apiUrl);
      const { owner, repo } = repository;
      return call(`open a pull request in ${owner}/${repo}`, (octokit) =>
        openPull(octokit, repository, {
          head: request.head,
          base: request.base,
          title: whole(redact(request.title).slice(0, 250)),
          body: withMark(request.taskId, redact(request.body)),
          known: request.known,
        }),
      );
    },
    upsertComment(request) {
      const target = parseGithubTarget(request.target);
      return call(`comment on ${request.target}`, (octokit) =>
        upsertComment(octokit, target, markOf(request.taskId), {
          body: withMark(request.taskId, redact(request.body)),
          known: request.known,
        }),
      );
    },
    hasWriteAccess(repository, { login: username, id }) {
      const { owner, repo } = parseGithubTarget(`${repository}#1`);
      return call(`ask whether ${username} may write to ${repository}`, async (octokit) => {
        const { data } = await octokit.rest.repos.getCollaboratorPermissionLevel({
          owner,
          repo,
          username,
        });
        // `permission` has four values; "maintain" is reported as write, "triage" as read.
        const mayWrite = data.permission === "admin" || data.permission === "write";
        return mayWrite && id != null && (data.user?.id ?? id) === id;
      });
    },
  };
}

async function openPull(
  octokit: Octokit,
  { owner, repo }: GithubRepository,
  { known, ...pull }: Record<"head" | "base" | "title" | "body", string> & { known: string | null },
): Promise<{ url: string; number: number; adopted: boolean }> {
  const find = async () => {
    const { data } = await octokit.rest.pulls.list({
      owner,
      repo,
      head: `${owner}:${pull.head}`,
      state: "open",
    });
    // A server that ignores the filter returns everything, including forks' branches of that name.
    const found = data.find(
      ({ head }) =>
        head.ref === pull.head &&
        head.repo?.full_name.toLowerCase() === `${owner}/${repo}`.toLowerCase(),
    );
    if (!found) return null;
    // It may describe an earlier state of the work: update it to what is delivered now.
    if (await isOurs(octokit, found, known)) {
      const { title, body } = pull;
      await octokit.rest.pulls.update({ owner, repo, pull_number: found.number, title, body });
    }
    return { url: found.html_url, number: found.number, adopted: true };
  };
  const adopted = await find();
  if (adopted) return adopted;
  const base = isBranchName(pull.base)
    ? pull.base
    : (await octokit.rest.repos.get({ owner, repo })).data.default_branch;
  const create = async (draft: boolean) => {
    const { data } = await octokit.rest.pulls.create({
      owner,
      repo,
      ...pull,
      base,
      draft,
      request: { retries: 0 },
    });
    return { url: data.html_url, number: data.number, adopted: false };
  };
  try {
    return await create(true);
  } catch (error) {
    // Somebody was faster, or the response to our own request was lost: then it exists now.
    const now = await find();
    if (now) return now;
    // Not every GitHub plan has drafts; a regular pull request is better than none.
    if (/draft pull requests are not supported/i.test(String(error))) return create(false);
    throw error;
  }
}

async function upsertComment(
  octokit: Octokit,
  { owner, repo, number }: GithubRepository & { number: number },
  mark: string,
  { body, known }: { body: string; known: string | null },
): Promise<{ url: string; edited: boolean }> {
  const pages = octokit.paginate.iterator(octokit.rest.issues.listComments, {
    owner,
    repo,
    issue_number: number,
    per_page: 100,
  });
  for await (const { data } of pages) {
    // Only a comment that starts with the mark, the oldest first: a text that quotes the mark is
    // not ours.
    const marked = data.filter((comment) => comment.body?.startsWith(mark));
    const owned = await Promise.all(marked.map((comment) => isOurs(octokit, comment, known)));
    const own = marked.find((_, index) => owned[index]);
    if (!own) continue;
    if (own.body?.trim() !== body.trim()) {
      await octokit.rest.issues.updateComment({ owner, repo, comment_id: own.id, body });
    }
    return { url: own.html_url, edited: true };
  }
  // Not retried by the client: a lost response would make a second comment.
  const { data } = await octokit.rest.issues.createComment({
    owner,
    repo,
    issue_number: number,
    body,
    request: { retries: 0 },
  });
  return { url: data.html_url, edited: false };
}

/** Whether we wrote it. An app's token cannot look up its account: then only our rows tell. */
async function isOurs(
  octokit: Octokit,
  { html_url, user }: { html_url: string; user: { id: number } | null },
  known: string | null,
): Promise<boolean> {
  if (html_url === known) return true;
  try {
    const { data: me } = await octokit.rest.users.getAuthenticated();
    return user?.id === me.id;
  } catch (error) {
    const { status } = error as { status?: number };
    if (status === 403 || status === 404) return false;
    throw error;
  }
}

function markOf(taskId: string): string {
  return `<!-- deputy:${taskId} -->`;
}

function withMark(taskId: string, text: string): string {
  const characters =
    text.length <= maxBody ? text : `${whole(text.slice(0, maxBody))}\n\n[… cut here …]`;
  return `${markOf(taskId)}\n${characters}`;
}

/** Drops a lone surrogate left by a cut inside an emoji: not every server accepts it. */
function whole(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "");
}

function isBranchName(base: string): boolean {
  return base !== "" && base !== "HEAD" && !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(base);
}

async function makeClient(token: string, config: GithubConfig): Promise<Octokit> {
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
