import type { ReviewThread } from "../../core/forge/review-thread.ts";
import type { GithubClient } from "./access/make-client.ts";
import { isOurs } from "./comments.ts";
import type { GithubRepository } from "./github-repository.ts";

type Pull = GithubRepository & { number: number };

/** Of more comments than this a review is not read. */
const maxPages = 20;

/** The threads that a review began or added to, whole: the review alone has the last words only. */
export async function listThreads(
  octokit: GithubClient,
  pull: Pull,
  reviewId: number,
): Promise<ReviewThread[]> {
  const all = await listComments(octokit, pull);
  const rootOf = (comment: Comment) => comment.in_reply_to_id ?? comment.id;
  const ids = all
    .filter(({ body, pull_request_review_id }) => {
      return pull_request_review_id === reviewId && !body.startsWith("<!-- deputy:");
    })
    .map(rootOf);
  return [...new Set(ids)].map((commentId) => {
    const comments = all.filter((comment) => rootOf(comment) === commentId);
    const first = comments.find(({ id }) => id === commentId) ?? comments[0];
    return {
      ...{ commentId, path: first?.path ?? "", line: first?.line ?? first?.original_line ?? null },
      hunk: first?.diff_hunk ?? "",
      comments: comments.map(({ body, user }) => ({ by: user?.login ?? "somebody", body })),
    };
  });
}

/** A reply of ours is found by its mark, in the thread: a lost answer makes no second one. */
export async function replyInThread(
  octokit: GithubClient,
  { commentId, number: pull_number, ...repository }: Pull & { commentId: number },
  mark: string,
  body: string,
): Promise<void> {
  const all = await listComments(octokit, { ...repository, number: pull_number });
  const marked = all.filter(
    (comment) => comment.in_reply_to_id === commentId && comment.body.startsWith(mark),
  );
  for (const comment of marked) if (await isOurs(octokit, comment, null)) return;
  await octokit.rest.pulls.createReplyForReviewComment({
    ...{ ...repository, pull_number, comment_id: commentId, body },
    request: { retries: 0 },
  });
}

type Comment = Awaited<
  ReturnType<GithubClient["rest"]["pulls"]["listReviewComments"]>
>["data"][number];

/** Oldest first. */
async function listComments(
  octokit: GithubClient,
  { number: pull_number, ...repository }: Pull,
): Promise<Comment[]> {
  const pages = octokit.paginate.iterator(octokit.rest.pulls.listReviewComments, {
    ...{ ...repository, pull_number },
    per_page: 100,
  });
  const all: Comment[] = [];
  let read = 0;
  for await (const { data } of pages) {
    all.push(...data);
    if (++read === maxPages) break;
  }
  return all;
}
