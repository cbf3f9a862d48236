import { z } from "zod";
import {
  type ForgeKind,
  repositoryWord,
  subjectOf,
  withoutForge,
  writePlace,
} from "../../core/forge/place.ts";
import { cleanOutsideText } from "../../core/text/outside-text.ts";
import {
  changedPayload,
  checkPayload,
  issuePayload,
  pullPayload,
  runPayload,
} from "./github-payload.ts";
import type { TriggerKind } from "./github-rule.ts";
import {
  type Account,
  isBot,
  type Trust,
  trustOfCheck,
  trustOfPerson,
  trustOfRun,
} from "./github-trust.ts";

/**
 * A delivery as the rules see it. Only these fields are read from a payload, and each value is
 * checked for its shape: names and commits go into paths and commands, so they must be nothing
 * else; all free text ends up in `outsideText`.
 */
export type GithubEvent = {
  kind: TriggerKind;
  forge: ForgeKind;
  /** `owner/name` */
  repository: string;
  subject: string;
  /** One fixed sentence for the goal, made of checked values only. */
  facts: string;
  /** The commit the task starts from; null: the repository's HEAD. */
  base: string | null;
  /** The target branch's commit of a pull request. */
  reviewedAgainst: string | null;
  labels: string[];
  /** The label that was just set. */
  newLabel: string | null;
  /** False: it may have been there before. */
  isLabelTold: boolean;
  /** Who it was just given to. */
  assignee: string | null;
  branch: string | null;
  /**
   * Where the event's commit is; a null `inRepository` means the event does not say. Null: no
   * commit.
   */
  head: { branch: string | null; commit: string; inRepository: boolean | null } | null;
  replyTo: string | null;
  outsideText: string;
  /** Who wrote it; null: no single person. */
  author: string | null;
  trust: Trust;
  /** Why the event must be ignored, whatever the rules say; null: it may be acted on. */
  ignore: string | null;
};

/** Something that happened to an issue or pull request after a task for it was started. */
export type GithubChange = {
  subject: string;
  /** A clause with its actor. */
  what: string;
  outsideText: string | null;
  /** What a person says in it to the agents that work on the subject; null: nothing. */
  words: { kind: "text" | "comment"; text: string; by: Account; trust: Trust } | null;
  /** Set where it takes back what a task is for; `label`: the one removed, null: it was closed. */
  stops: { label: string | null } | null;
  /** The address of a pull request, which may be one of ours. */
  pullUrl: string | null;
  /** Whether that was merged. */
  isMerged: boolean;
};

const changes: Record<string, string> = {
  created: "commented on",
  edited: "edited",
  closed: "closed",
  unlabeled: "took a label from",
  reopened: "reopened",
  deleted: "deleted",
  transferred: "transferred",
};

/** Null: the payload contains no such change. */
export function readGithubChange(event: string, payload: unknown): GithubChange | null {
  const { success, data } = changedPayload.safeParse(payload);
  const done = success ? changes[data.action] : undefined;
  const isComment = event === "issue_comment";
  const thing =
    event === "issues" || isComment
      ? data?.issue
      : event === "pull_request"
        ? data?.pull_request
        : null;
  if (!success || done === undefined || !thing) return null;
  if (isComment !== (data.action === "created")) return null;
  const words = readWords(event, data, thing);
  if (isComment && words === null) return null;
  const { forge, full_name } = data.repository;
  const isPull = event === "pull_request" || data.issue?.pull_request != null;
  const place = writePlace({ forge, repository: full_name, number: thing.number, isPull });
  const isMerged = data.action === "closed" && data.pull_request?.merged === true;
  return {
    subject: subjectOf(forge, place),
    what: `${data.sender.login} ${isMerged ? "merged" : done} ${withoutForge(place)}`,
    outsideText: data.action === "edited" && event === "issues" ? textOfIssue(thing) : null,
    words,
    stops:
      data.action === "closed"
        ? { label: null }
        : data.action === "unlabeled"
          ? { label: data.label?.name ?? "" }
          : null,
    pullUrl: event === "issues" ? null : (thing.html_url ?? null),
    isMerged,
  };
}

type Changed = z.infer<typeof changedPayload>;

/** A bot says nothing to an agent, and neither does what we write ourselves. */
function readWords(
  event: string,
  { action, comment, repository, sender }: Changed,
  issue: NonNullable<Changed["issue"]>,
): GithubChange["words"] {
  if (isBot(sender)) return null;
  const { owner } = repository;
  const trustOf = (author: Account | null | undefined, association: string | null | undefined) =>
    trustOfPerson(sender, { author, association: association ?? null, owner });
  if (event === "issues" && action === "edited") {
    const trust = trustOf(issue.user, issue.author_association);
    return { kind: "text", text: textOfIssue(issue), by: sender, trust };
  }
  const text = cleanOutsideText(comment?.body ?? "");
  if (event !== "issue_comment" || text === "" || isOurComment(comment?.body ?? "")) return null;
  const trust = trustOf(comment?.user, comment?.author_association);
  return { kind: "comment", text, by: sender, trust };
}

/** How each comment of ours begins; a comment of a person that begins so is ignored, too. */
const ourMark = "<!-- deputy:";

/** Whether it begins as ours do. */
export function isOurComment(body: string): boolean {
  return body.startsWith(ourMark);
}

function textOfIssue({ body, title, user }: z.infer<typeof issuePayload>["issue"]): string {
  return cleanOutsideText(
    joinParts([
      ["Title", title],
      ["Author", user?.login],
      ["", body],
    ]),
  );
}

/** Read a GitHub payload. Never throws: if it is not such an event, the reason is returned. */
export function readGithubEvent(
  event: string,
  payload: unknown,
): { event: GithubEvent } | { reason: string } {
  const action = z.object({ action: z.string() }).safeParse(payload).data?.action ?? null;
  const named = `${event}${action === null ? "" : `.${action}`}`.slice(0, 100);
  switch (named) {
    case "issues.opened":
    case "issues.labeled":
    case "issues.assigned":
      return read(issuePayload, payload, named, (data) => readIssue(named, data));
    case "pull_request.opened":
    case "pull_request.synchronize":
    case "pull_request.ready_for_review":
      return read(pullPayload, payload, named, (data) => readPull(named, data));
    case "workflow_run.completed":
      return read(runPayload, payload, named, readRun);
    case "check_run.completed":
      return read(checkPayload, payload, named, readCheck);
    default:
      return { reason: `${named} is not an event that can start a task` };
  }
}

function read<Payload>(
  schema: z.ZodType<Payload>,
  payload: unknown,
  named: string,
  use: (data: Payload) => GithubEvent | string,
): { event: GithubEvent } | { reason: string } {
  const parsed = schema.safeParse(payload);
  if (!parsed.success) {
    const field = parsed.error.issues[0]?.path.join(".") || "its body";
    return { reason: `${named}: the payload is not as expected at ${field}` };
  }
  const result = use(parsed.data);
  return typeof result === "string" ? { reason: result } : { event: result };
}

function readIssue(kind: TriggerKind, data: z.infer<typeof issuePayload>): GithubEvent {
  const { issue, repository, sender } = data;
  const { forge, full_name } = repository;
  const isPull = issue.pull_request != null;
  const place = writePlace({ forge, repository: full_name, number: issue.number, isPull });
  return {
    ...{ kind, forge },
    repository: full_name,
    subject: subjectOf(forge, place),
    facts: `This is issue #${issue.number} of ${repository.full_name}.`,
    base: null,
    reviewedAgainst: null,
    labels: (issue.labels ?? []).map((label) => label.name),
    newLabel: kind === "issues.labeled" ? (data.label?.name ?? null) : null,
    isLabelTold: data.is_label_told !== false,
    assignee: kind === "issues.assigned" ? (data.assignee?.login ?? null) : null,
    branch: null,
    head: null,
    replyTo: place,
    outsideText: textOfIssue(issue),
    author: issue.user?.login ?? null,
    trust: trustOfPerson(sender, {
      author: issue.user,
      association: issue.author_association ?? null,
      owner: repository.owner,
    }),
    ignore: whyIgnore(sender) ?? (issue.state === "closed" ? "the issue is closed" : null),
  };
}

function readPull(kind: TriggerKind, data: z.infer<typeof pullPayload>): GithubEvent {
  const { pull_request: pull, repository, sender } = data;
  const { forge, full_name } = repository;
  const place = writePlace({ forge, repository: full_name, number: pull.number, isPull: true });
  const from = pull.base.sha ? ` from commit ${pull.base.sha}` : "";
  const noun = forge === "gitlab" ? "merge request !" : "pull request #";
  return {
    ...{ kind, forge },
    repository: full_name,
    subject: subjectOf(forge, place),
    facts: `This is ${noun}${pull.number} of ${full_name}: the change${from} to commit ${pull.head.sha}, which is checked out.`,
    base: pull.head.sha,
    reviewedAgainst: pull.base.sha ?? findPlainBranch(pull.base.ref),
    labels: (pull.labels ?? []).map((label) => label.name),
    newLabel: null,
    isLabelTold: true,
    assignee: null,
    branch: null,
    head: {
      branch: pull.head.ref,
      commit: pull.head.sha,
      inRepository: pull.head.repo?.id === repository.id,
    },
    replyTo: place,
    outsideText: cleanOutsideText(
      joinParts([
        ["Title", pull.title],
        ["Author", pull.user?.login],
        ["From branch", pull.head.ref],
        ["Into branch", pull.base.ref],
        ["", pull.body],
      ]),
    ),
    author: pull.user?.login ?? null,
    trust: trustOfPerson(sender, {
      author: pull.user,
      association: pull.author_association ?? null,
      owner: repository.owner,
    }),
    ignore:
      whyIgnore(sender) ??
      (pull.state === "closed"
        ? "the pull request is closed"
        : pull.draft === true
          ? "the pull request is a draft; pull_request.ready_for_review comes when it is none"
          : null),
  };
}

function readRun(data: z.infer<typeof runPayload>): GithubEvent | string {
  const { workflow_run: run, repository, sender } = data;
  if (run.conclusion !== "failure") {
    return `the workflow run ended with ${run.conclusion ?? "no conclusion"}, not failure`;
  }
  const branch = run.head_branch ?? null;
  const inRepository = run.head_repository?.id === repository.id;
  return {
    ...failedRun("workflow_run.failed", repository, run.head_sha),
    branch,
    head: { branch, commit: run.head_sha, inRepository },
    outsideText: cleanOutsideText(
      joinParts([
        ["Failed workflow", run.name],
        ["Run", run.html_url],
        ["Branch", run.head_branch],
        ["Title", run.display_title],
      ]),
    ),
    trust: trustOfRun({ sameRepository: inRepository, startedBy: run.event ?? null }),
    ignore: whyIgnore(sender),
  };
}

function readCheck(data: z.infer<typeof checkPayload>): GithubEvent | string {
  const { check_run: check, repository, sender } = data;
  if (check.conclusion !== "failure") {
    return `the check run ended with ${check.conclusion ?? "no conclusion"}, not failure`;
  }
  const branch = check.check_suite?.head_branch ?? null;
  const isHeadOfOwnPull = (check.pull_requests ?? []).some(
    (pull) => pull?.head.sha === check.head_sha && pull.head.repo?.id === repository.id,
  );
  return {
    ...failedRun("check_run.failed", repository, check.head_sha),
    branch,
    head: { branch, commit: check.head_sha, inRepository: isHeadOfOwnPull || null },
    outsideText: cleanOutsideText(
      joinParts([
        ["Failed check", check.name],
        ["Run", check.html_url],
        ["Branch", branch],
        ["Result", check.output?.title],
        ["", check.output?.summary],
        ["", check.output?.text],
      ]),
    ),
    trust: trustOfCheck(isHeadOfOwnPull),
    ignore: whyIgnore(sender),
  };
}

/** All failing workflows and checks of one commit share a subject. */
function failedRun(
  kind: TriggerKind,
  { forge, full_name }: { forge: ForgeKind; full_name: string },
  commit: string,
) {
  return {
    ...{ kind, forge },
    repository: full_name,
    subject: subjectOf(forge, `${repositoryWord(forge, full_name)}@${commit}`),
    facts: `It failed on commit ${commit} of ${full_name}, which is checked out.`,
    base: commit,
    reviewedAgainst: null,
    labels: [],
    newLabel: null,
    isLabelTold: true,
    assignee: null,
    replyTo: null,
    author: null,
  };
}

/** A branch that is safe to name to git, which looks it up in the repository itself; null: it is not. */
function findPlainBranch(name: string): string | null {
  return /^(?![-.])[\w./-]{1,200}$/.test(name) ? name : null;
}

/** A bot's action starts nothing, to avoid loops. */
function whyIgnore(sender: Account): string | null {
  return isBot(sender) ? `${sender.login} is a bot` : null;
}

function joinParts(parts: readonly (readonly [string, string | null | undefined])[]): string {
  return parts
    .filter(([, value]) => value)
    .map(([label, value]) => (label === "" ? `\n${value}` : `${label}: ${value}`))
    .join("\n");
}
