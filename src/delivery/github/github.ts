import { type Redact, redactDeep } from "../../core/text/redact.ts";
import type { GithubAccess } from "./access/github-access.ts";
import type { GithubClient } from "./access/make-client.ts";
import { listChecks, readFailure } from "./checks/read-checks.ts";
import { writeCheckRun, writeStatus } from "./checks/write-check.ts";
import { closePull } from "./close-pull.ts";
import { isOurs, markOf, upsertComment, whole, withMark } from "./comments.ts";
import type { Forge } from "./forge.ts";
import {
  type GithubRepository,
  parseGithubName,
  parseGithubRepository,
  parseGithubTarget,
  parsePullRequest,
} from "./github-repository.ts";
import { findOwnWords, signPull } from "./keep-edits.ts";
import { listThreads, replyInThread } from "./review-threads.ts";

/**
 * GitHub as a forge. Stateless: a pull request is found by its branch, a comment by a mark. Anybody
 * can set both, so a find is edited only if it is ours: its URL is in our rows, or its author is
 * the account that we write with. Outgoing text is redacted and cut to GitHub's limit. The client waits out
 * short rate limits and retries transient failures; for anything longer the calling stage is
 * retried as a whole.
 */
/** Null without access. */
export function makeForge(access: GithubAccess | null, redact: Redact): Forge | null {
  if (access === null) return null;
  const { apiUrl, call } = access;
  return {
    apiUrl,
    openDraftPullRequest(request) {
      const repository = parseGithubRepository(request.repositoryUrl, apiUrl);
      const { owner, repo } = repository;
      return call(repository, `open a pull request in ${owner}/${repo}`, (octokit) =>
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
      return call(target, `comment on ${request.target}`, (octokit) =>
        upsertComment(octokit, target, markOf(request.taskId), {
          body: withMark(request.taskId, redact(request.body)),
          known: request.known,
        }),
      );
    },
    lookAtPullRequest({ repositoryUrl, url }) {
      const { number, ...repository } = parsePullRequest(repositoryUrl, url, apiUrl);
      return call(repository, `look at ${url}`, async (octokit) => {
        const { data } = await octokit.rest.pulls.get({ ...repository, pull_number: number });
        return data.merged ? "merged" : data.state;
      });
    },
    closePullRequest({ body, repositoryUrl, taskId, url }) {
      const target = parsePullRequest(repositoryUrl, url, apiUrl);
      return call(target, `close ${url}`, (octokit) =>
        closePull(octokit, target, taskId, redact(body)),
      );
    },
    hasWriteAccess(repository, { login: username, id }) {
      const of = parseGithubName(repository);
      return call(of, `ask whether ${username} may write to ${repository}`, async (octokit) => {
        const about = { ...of, username };
        const { data } = await octokit.rest.repos.getCollaboratorPermissionLevel(about);
        // `permission` has four values; "maintain" is reported as write, "triage" as read.
        const mayWrite = data.permission === "admin" || data.permission === "write";
        return mayWrite && id != null && (data.user?.id ?? id) === id;
      });
    },
    findOwnLogin(repository) {
      return call(parseGithubName(repository), "ask for the token's account", async (octokit) => {
        return (await octokit.findSelf())?.login ?? null;
      });
    },
    acknowledgeComment(target, comment_id) {
      const { number: _, ...of } = parseGithubTarget(target);
      const reaction = { ...of, comment_id, content: "eyes" } as const;
      return call(of, `react to a comment on ${target}`, async (octokit) => {
        await octokit.rest.reactions.createForIssueComment(reaction);
      });
    },
    reportCheck({ commit, report, repository, taskId }) {
      const of = parseGithubName(repository);
      const safe = redactDeep(report, redact);
      return call(of, `report on ${repository}@${commit.slice(0, 10)}`, async (octokit) => {
        const { appSlug } = access;
        if (appSlug === null || !(await access.isByApp(of)))
          return writeStatus(octokit, of, commit, safe);
        return writeCheckRun(octokit, of, { appSlug, commit, taskId }, safe);
      });
    },
    listChecks(name, commit) {
      const of = parseGithubName(name);
      return call(of, `read the checks of ${name}@${commit.slice(0, 10)}`, (octokit) =>
        listChecks(octokit, of, commit, access.appSlug),
      );
    },
    readCheckFailure(name, run) {
      const of = parseGithubName(name);
      return call(of, `read a failed check of ${name}`, (octokit) => readFailure(octokit, of, run));
    },
    listReviewThreads(target, reviewId) {
      const pull = parseGithubTarget(target);
      return call(pull, `read a review of ${target}`, (octokit) =>
        listThreads(octokit, pull, reviewId),
      );
    },
    replyInThread({ body, commentId, target, taskId }) {
      const about = { ...parseGithubTarget(target), commentId };
      return call(about, `reply in ${target}`, (octokit) =>
        replyInThread(octokit, about, markOf(taskId), withMark(taskId, redact(body))),
      );
    },
    readPullRequest(target) {
      const { number: pull_number, ...repository } = parseGithubTarget(target);
      return call(repository, `read ${target}`, async (octokit) => {
        const { data } = await octokit.rest.pulls.get({ ...repository, pull_number });
        return data;
      });
    },
  };
}

async function openPull(
  octokit: GithubClient,
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
  octokit: GithubClient,
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
