import type { CheckFailure, CheckRun } from "../../core/forge/check-run.ts";
import type { Forge } from "../github/forge.ts";

/** Where a task's pull request lives; of GitHub, triggers and comments on issues need more. */
export type PullForge = Pick<
  Forge,
  "openDraftPullRequest" | "closePullRequest" | "lookAtPullRequest"
>;

/** The forge of a repository; null: it has no token. */
export type FindForge = (repositoryUrl: string) => PullForge | null;

/**
 * What a forge beside GitHub is asked for. Each method is one request, or some pages of one; nothing
 * is retried here. They throw a DeputyError with one sentence.
 */
export interface PullApi {
  /** What the title of a draft begins with, which is what makes it one. */
  draftPrefix: string;
  defaultBranch(project: string): Promise<string>;
  /** The open one from this branch of the project itself, not of a fork. */
  findOpen(project: string, head: string): Promise<FoundPull | null>;
  get(project: string, number: number): Promise<FoundPull>;
  create(
    project: string,
    pull: { head: string; base: string; title: string; body: string },
  ): Promise<FoundPull>;
  update(
    project: string,
    number: number,
    set: { title?: string; body?: string; isClosed?: boolean },
  ): Promise<FoundPull>;
  listComments(project: string, on: Commented): Promise<FoundComment[]>;
  createComment(project: string, on: Commented, body: string): Promise<FoundComment>;
  updateComment(project: string, on: Commented, id: number, body: string): Promise<void>;
  /** The account that the token belongs to; null: the token may not ask. */
  account(): Promise<{ id: number; login: string } | null>;
}

/** What it is asked for besides, where events of it are heard. */
export interface EventApi extends PullApi {
  /** Whether an account may push to the project. */
  mayWrite(project: string, account: { login: string; id: number }): Promise<boolean>;
  /** Shows that a comment was read. */
  acknowledge(project: string, on: Commented, commentId: number): Promise<void>;
  /** A pull request as the API has one. */
  readPull(project: string, number: number): Promise<unknown>;
  /** Of a commit, each as it was run last. */
  listChecks(project: string, commit: string): Promise<CheckRun[]>;
  readFailure(project: string, run: CheckRun): Promise<CheckFailure>;
  /** Whether the token is shown the project and may push to it, by reading alone. */
  tryProject(project: string): Promise<{ mayPush: boolean }>;
}

/** An issue or a pull request; where a forge numbers them together, both are the same. */
export type Commented = { number: number; isPull: boolean };

export type FoundPull = {
  number: number;
  url: string;
  title: string;
  body: string;
  state: "open" | "merged" | "closed";
  authorId: number | null;
};

export type FoundComment = { id: number; url: string; body: string; authorId: number | null };
