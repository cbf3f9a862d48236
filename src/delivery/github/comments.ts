import type { GithubClient } from "./access/make-client.ts";
import type { GithubRepository } from "./github-repository.ts";

/**
 * Our comments, each found by the mark that it starts with. Anybody can write one, so a find is ours
 * only if its URL is in our rows, or its author is the account that we write with.
 */
const maxBody = 60_000; // GitHub accepts 65,536

export async function upsertComment(
  octokit: GithubClient,
  { owner, repo, number }: GithubRepository & { number: number },
  mark: string,
  { body, known }: { body: string; known: string | null },
): Promise<{ url: string; edited: boolean }> {
  const own = await findComment(octokit, { owner, repo, number }, mark, known);
  if (own) {
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

/** Only a comment that starts with the mark, the oldest first: a text that quotes it is not ours. */
export async function findComment(
  octokit: GithubClient,
  { owner, repo, number }: GithubRepository & { number: number },
  mark: string,
  known: string | null,
) {
  const pages = octokit.paginate.iterator(octokit.rest.issues.listComments, {
    owner,
    repo,
    issue_number: number,
    per_page: 100,
  });
  for await (const { data } of pages) {
    const marked = data.filter((comment) => comment.body?.startsWith(mark));
    const owned = await Promise.all(marked.map((comment) => isOurs(octokit, comment, known)));
    const own = marked.find((_, index) => owned[index]);
    if (own) return own;
  }
  return null;
}

/** Whether we wrote it. Where GitHub does not tell whose token it is, only our rows do. */
export async function isOurs(
  octokit: GithubClient,
  { html_url, user }: { html_url: string; user: { id: number } | null },
  known: string | null,
): Promise<boolean> {
  if (html_url === known) return true;
  const self = await octokit.findSelf();
  return self !== null && user?.id === self.id;
}

export function markOf(taskId: string): string {
  return `<!-- deputy:${taskId} -->`;
}

export function withMark(taskId: string, text: string): string {
  const characters =
    text.length <= maxBody ? text : `${whole(text.slice(0, maxBody))}\n\n[… cut here …]`;
  return `${markOf(taskId)}\n${characters}`;
}

/** Drops a lone surrogate left by a cut inside an emoji: not every server accepts it. */
export function whole(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "");
}
