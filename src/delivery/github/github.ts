import type { Octokit } from "octokit";
import type { Redact } from "../../core/text/redact.ts";
import { closePull } from "./close-pull.ts";
import { isOurs, markOf, upsertComment, whole, withMark } from "./comments.ts";
import type { Forge } from "./forge.ts";
import { type GithubConfig, openGithub } from "./github-client.ts";
import {
  type GithubRepository,
  parseGithubRepository,
  parseGithubTarget,
  parsePullRequest,
} from "./github-repository.ts";
import { findOwnWords, signPull } from "./keep-edits.ts";
import { listChecks, readFailure } from "./read-checks.ts";
import { listThreads, replyInThread } from "./review-threads.ts";

/**
 * GitHub as a forge. Stateless: a pull request is found by its branch, a comment by a mark. Anybody
 * can set both, so a find is edited only if it is ours: its URL is in our rows, or its author is
 * the token's account. Outgoing text is redacted and cut to GitHub's limit. The client waits out
 * short rate limits and retries transient failures; for anything longer the calling stage is
 * retried as a whole.
 */
/** Null without a token. The client is loaded on first use. */
export function makeForge(config: GithubConfig, redact: Redact): Forge | null {
  const { token, apiUrl } = config;
  if (token === null) return null;
  let login: string | null = null;
  const call = openGithub({ ...config, token }, redact);
  return {
    openDraftPullRequest(request) {
      const repository = parseGithubRepository(request.repositoryUrl, apiUrl);
      const { owner, repo } = repository;
      return call(`open a pull request in ${owner}/${repo}`, (octokit) =>
        openPull(octokit, repository, {
          head: request.head,
          base: request.base,
          ...signPull(request.taskId, {
            title: whole(redact(request.title).slice(0, 250)),
            body: redact(request.body),
          }),
          about: `${request.taskId}:update`,
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
    lookAtPullRequest({ repositoryUrl, url }) {
      const { number, ...repository } = parsePullRequest(repositoryUrl, url, apiUrl);
      return call(`look at ${url}`, async (octokit) => {
        const { data } = await octokit.rest.pulls.get({ ...repository, pull_number: number });
        return data.merged ? "merged" : data.state;
      });
    },
    closePullRequest({ body, repositoryUrl, taskId, url }) {
      const target = parsePullRequest(repositoryUrl, url, apiUrl);
      return call(`close ${url}`, (octokit) => closePull(octokit, target, taskId, redact(body)));
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
    async findOwnLogin() {
      login ??= await call("ask for the token's account", readLogin);
      return login;
    },
    acknowledgeComment(repository, comment_id) {
      const { owner, repo } = parseGithubTarget(`${repository}#1`);
      const reaction = { owner, repo, comment_id, content: "eyes" } as const;
      return call(`react to a comment in ${repository}`, async (octokit) => {
        await octokit.rest.reactions.createForIssueComment(reaction);
      });
    },
    listChecks(name, commit) {
      const { owner, repo } = parseGithubTarget(`${name}#1`);
      return call(`read the checks of ${name}@${commit.slice(0, 10)}`, (octokit) =>
        listChecks(octokit, { owner, repo }, commit),
      );
    },
    readCheckFailure(name, run) {
      const { owner, repo } = parseGithubTarget(`${name}#1`);
      return call(`read a failed check of ${name}`, (octokit) =>
        readFailure(octokit, { owner, repo }, run),
      );
    },
    listReviewThreads(target, reviewId) {
      return call(`read a review of ${target}`, (octokit) =>
        listThreads(octokit, parseGithubTarget(target), reviewId),
      );
    },
    replyInThread({ body, commentId, target, taskId }) {
      const about = { ...parseGithubTarget(target), commentId };
      return call(`reply in ${target}`, (octokit) =>
        replyInThread(octokit, about, markOf(taskId), withMark(taskId, redact(body))),
      );
    },
    readPullRequest(target) {
      const { number: pull_number, ...repository } = parseGithubTarget(target);
      return call(`read ${target}`, async (octokit) => {
        const { data } = await octokit.rest.pulls.get({ ...repository, pull_number });
        return data;
      });
    },
  };
}

/** An app's token cannot look up its account. */
async function readLogin(octokit: Octokit): Promise<string | null> {
  try {
    return (await octokit.rest.users.getAuthenticated()).data.login;
  } catch (error) {
    const { status } = error as { status?: number };
    if (status === 403 || status === 404) return null;
    throw error;
  }
}

async function openPull(
  octokit: Octokit,
  { owner, repo }: GithubRepository,
  {
    about,
    known,
    ...pull
  }: Record<"head" | "base" | "title" | "body" | "about", string> & { known: string | null },
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
      const { number } = found;
      await updatePull(octokit, { owner, repo, number }, found, { ...pull, about });
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

/** Words that a person changed stay; what there is to say then goes into a comment. */
async function updatePull(
  octokit: Octokit,
  { number, ...repository }: GithubRepository & { number: number },
  now: { title: string; body: string | null },
  { about, body, title }: Record<"title" | "body" | "about", string>,
): Promise<void> {
  const own = findOwnWords(now);
  const set = { ...(own.title && { title }), ...(own.body && { body }) };
  if (own.title || own.body)
    await octokit.rest.pulls.update({ ...repository, pull_number: number, ...set });
  if (own.body) return;
  const text = body.slice(body.indexOf("\n") + 1);
  const update = { body: withMark(about, text), known: null };
  await upsertComment(octokit, { ...repository, number }, markOf(about), update);
}

function isBranchName(base: string): boolean {
  return base !== "" && base !== "HEAD" && !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(base);
}
