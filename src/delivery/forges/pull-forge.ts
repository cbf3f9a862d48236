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
  listComments(project: string, number: number): Promise<FoundComment[]>;
  createComment(project: string, number: number, body: string): Promise<void>;
  updateComment(project: string, number: number, id: number, body: string): Promise<void>;
  /** The id of the account that the token belongs to; null: the token may not ask. */
  account(): Promise<number | null>;
}

export type FoundPull = {
  number: number;
  url: string;
  title: string;
  body: string;
  state: "open" | "merged" | "closed";
  authorId: number | null;
};

export type FoundComment = { id: number; body: string; authorId: number | null };
