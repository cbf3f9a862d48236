import type { CheckReport } from "../../core/forge/check-report.ts";
import type { CheckFailure, CheckRun } from "../../core/forge/check-run.ts";
import type { ReviewThread } from "../../core/forge/review-thread.ts";

/**
 * Publishing to a forge, with a credential that no agent ever sees. Each call is idempotent. Throws
 * a DeputyError with one sentence.
 */
export interface Forge {
  apiUrl: string;
  /**
   * Open a draft pull request for an existing branch, or adopt the open one that the branch has.
   * Title and body of an adopted one are updated only if it is ours, and each only if nobody changed
   * it: where the body stays, a comment has what is new. `known` is the URL in our rows.
   */
  openDraftPullRequest(request: {
    repositoryUrl: string;
    head: string;
    /** A branch; anything else (a commit) stands for the repository's default branch. */
    base: string;
    title: string;
    body: string;
    taskId: string;
    known: string | null;
  }): Promise<{ url: string; number: number; adopted: boolean }>;
  /**
   * Close the task's pull request with a comment; its branch stays. One that somebody merged, or
   * closed for a reason of their own, is left as it is.
   */
  closePullRequest(request: {
    repositoryUrl: string;
    /** As opening it returned it. */
    url: string;
    body: string;
    taskId: string;
  }): Promise<"closed" | "merged" | "closed_before">;
  /** What became of a pull request that opening it returned. */
  lookAtPullRequest(request: {
    repositoryUrl: string;
    url: string;
  }): Promise<"open" | "merged" | "closed">;
  /**
   * Write the task's one comment, or edit it if it exists and is ours. `target` is
   * `owner/name#number`, `known` the comment's URL in our rows.
   */
  upsertComment(request: {
    target: string;
    body: string;
    taskId: string;
    known: string | null;
  }): Promise<{ url: string; edited: boolean }>;
  /**
   * Whether a person may push to `owner/name`; false if the login meanwhile belongs to another
   * account.
   */
  hasWriteAccess(
    repository: string,
    account: { login: string; id?: number | null | undefined },
  ): Promise<boolean>;
  /** The login that we write with in `owner/name`; null: GitHub does not tell it. */
  findOwnLogin(repository: string): Promise<string | null>;
  /** Show that a comment on an issue or pull request, `target`, was read. */
  acknowledgeComment(target: string, commentId: number): Promise<void>;
  /** A pull request, `owner/name#number`, as GitHub's webhooks show one. */
  readPullRequest(target: string): Promise<unknown>;
  /**
   * Report a task among the checks of a commit of `owner/name`: as a check run where Deputy is an App,
   * else as a commit status.
   */
  reportCheck(request: {
    repository: string;
    commit: string;
    taskId: string;
    report: CheckReport;
  }): Promise<void>;
  /** The check runs of a commit of `owner/name`, each as it was run last. */
  listChecks(repository: string, commit: string): Promise<CheckRun[]>;
  /** What a failed check run says, with the end of its log. */
  readCheckFailure(repository: string, run: CheckRun): Promise<CheckFailure>;
  /** The threads of the pull request `owner/name#number` that a review began or added to. */
  listReviewThreads(target: string, reviewId: number): Promise<ReviewThread[]>;
  /** Reply in the thread of that first comment, once for each `taskId` and thread. */
  replyInThread(request: {
    target: string;
    commentId: number;
    body: string;
    taskId: string;
  }): Promise<void>;
}
