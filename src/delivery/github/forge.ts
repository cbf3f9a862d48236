/**
 * Where a repository's people meet: what the daemon publishes there, with a credential that no
 * agent ever sees. Each call may be made twice and has its effect once. What goes wrong is a
 * DeputyError of one sentence.
 */
export interface Forge {
  /**
   * Open a draft pull request for a branch that is there already, or adopt the open one it has. Its
   * words are brought up to date only where it is ours. `known` is the URL that our own rows have.
   */
  openDraftPullRequest(request: {
    repositoryUrl: string;
    head: string;
    /** A branch; for anything else (a commit) the repository's default branch is taken. */
    base: string;
    title: string;
    body: string;
    taskId: string;
    known: string | null;
  }): Promise<{ url: string; number: number; adopted: boolean }>;
  /**
   * Write the one comment of this id, or edit the one that is ours. `target` is `owner/name#number`,
   * `known` the URL that our own rows have of it.
   */
  upsertComment(request: {
    target: string;
    body: string;
    taskId: string;
    known: string | null;
  }): Promise<{ url: string; edited: boolean }>;
  /** Whether a person may push to `owner/name`; false where the login is another account's by now. */
  hasWriteAccess(
    repository: string,
    account: { login: string; id?: number | null | undefined },
  ): Promise<boolean>;
}
