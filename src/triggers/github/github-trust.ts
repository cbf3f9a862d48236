export type Account = {
  login: string;
  id?: number | null | undefined;
  type?: string | null | undefined;
};

/**
 * Whether the person behind an event may write, from the little that a payload says. What counts is
 * the person who caused the event, not the one who wrote the text:
 *
 * - `author_association` is the author's; it says something about the sender only if both are the
 *   same. OWNER, MEMBER and COLLABORATOR count as write access (on private repositories GitHub uses
 *   COLLABORATOR for people with read access too; a rule file that needs more says so with a token,
 *   see below).
 * - Setting a label takes triage or more, which is less than write; and an issue form sets labels
 *   in the name of an author without any rights. So somebody else's label proves nothing.
 * - The repository's owner, if a person, has write access.
 * - A commit on a branch of the repository was pushed by somebody who may write; one from a fork,
 *   or from a run that anybody can trigger (issues, comments), was not.
 *
 * If the payload does not say, `askAbout` names the account to ask GitHub about; null means that
 * nobody's permission would help, because the commit itself is an outsider's.
 */
export type Trust =
  | { mayWrite: true; why: string }
  | { mayWrite: false; why: string; askAbout: Account | null };

const writers = new Set(["OWNER", "MEMBER", "COLLABORATOR"]);

/**
 * Events that only somebody with write access triggers, or whose run uses code already in the
 * repository.
 */
const ownRuns = new Set([
  "push",
  "schedule",
  "workflow_dispatch",
  "repository_dispatch",
  "merge_group",
  "pull_request",
]);

export function trustOfPerson(
  sender: Account,
  about: { author: Account | null | undefined; association: string | null; owner: Account },
): Trust {
  const { login } = sender;
  if (isSameAccount(sender, about.owner)) {
    return { mayWrite: true, why: `${login} owns the repository` };
  }
  const isAuthor = isSameAccount(sender, about.author);
  if (isAuthor && about.association !== null && writers.has(about.association)) {
    return { mayWrite: true, why: `${login} is ${about.association} of the repository` };
  }
  const why = isAuthor
    ? `${login} is ${about.association ?? "unknown"} to the repository, without write access`
    : `the event does not tell whether ${login} has write access`;
  return { mayWrite: false, why, askAbout: sender };
}

/** By id only: a login that was given up belongs to whoever takes it next. */
export function isSameAccount(one: Account, other: Account | null | undefined): boolean {
  return one.id != null && one.id === other?.id;
}

export function trustOfRun(run: { sameRepository: boolean; startedBy: string | null }): Trust {
  if (!run.sameRepository) {
    return { mayWrite: false, why: "the commit comes from a fork", askAbout: null };
  }
  return run.startedBy !== null && ownRuns.has(run.startedBy)
    ? { mayWrite: true, why: "the commit is on a branch of the repository" }
    : {
        mayWrite: false,
        why: `a run on "${(run.startedBy ?? "unknown").slice(0, 50)}" can be set off by anybody`,
        askAbout: null,
      };
}

/**
 * Check runs do not name the repository of their commit, except through pull requests within it.
 */
export function trustOfCheck(isHeadOfOwnPull: boolean): Trust {
  return isHeadOfOwnPull
    ? { mayWrite: true, why: "the commit is on a branch of the repository" }
    : {
        mayWrite: false,
        why: "the event does not tell whether the commit comes from a fork",
        askAbout: null,
      };
}

export function isBot(sender: Account): boolean {
  return sender.type === "Bot" || sender.login.endsWith("[bot]");
}
