import picomatch from "picomatch";
import type { ForgeKind } from "../../core/forge/place.ts";
import type { TaskInput, TaskOrigin } from "../../core/task/task.ts";
import type { Guards } from "../guards/guard-rule.ts";
import type { TriggerRules } from "../rules.ts";
import { type GithubEvent, readGithubEvent } from "./github-event.ts";
import type { GithubRule, TriggerKind } from "./github-rule.ts";
import type { Account } from "./github-trust.ts";

/**
 * Decides whether a delivery starts a task, and which. Pure: a payload and the rules in, the whole
 * task and the reason out. All decisions come from the rule; the event contributes checked names,
 * numbers and commits, and its text as data. Without proven write access an event starts a review,
 * or a change that waits for approval.
 */
export type GithubTrigger = {
  /** The name of the rule, or its place. */
  rule: string;
  forge: ForgeKind;
  guards: Guards;
  subject: string;
  /** The subject is a commit, of which a run failed. */
  isCommit: boolean;
  recipe: "change" | "review";
  taskInput: TaskInput;
  origin: TaskOrigin;
  needsApproval: boolean;
  /** The account whose write permission on GitHub would make the approval unnecessary. */
  askAbout: Account | null;
  repository: string;
  /** A branch that may be Deputy's own; those are ignored to avoid loops. Null: it cannot be. */
  perhapsOurs: OwnBranch | null;
  /** A newer event of this kind makes an older one pointless. */
  newestCounts: boolean;
  /** Which rule fired, and why the sender is trusted or not. */
  reason: string;
  /** The label that it is for, where that may have been there before; null: it was just set. */
  unsureLabel: string | null;
  /** What somebody with write access asks for beside the subject's text, as data; null: nothing. */
  asked: string | null;
};

/**
 * A branch with Deputy's prefix. Anybody can choose that name, so only our rows tell whether it is
 * ours.
 */
export type OwnBranch = {
  /** As GitHub names it, and as the rule clones it. */
  repository: string;
  clone: string;
  branch: string;
  commit: string;
  /** False: the event does not say whether the branch is in the repository itself. */
  inRepository: boolean;
};

export type TriggerMatch =
  | { fires: true; trigger: GithubTrigger }
  | { fires: false; reason: string };

export function matchGithub(event: string, payload: unknown, rules: TriggerRules): TriggerMatch {
  const read = readGithubEvent(event, payload);
  if ("reason" in read) return { fires: false, reason: read.reason };
  const found = read.event;
  if (found.ignore !== null) return { fires: false, reason: found.ignore };
  const misses: string[] = [];
  for (const [index, rule] of rules[found.forge].entries()) {
    const miss = whyRuleMisses(rule, found);
    if (miss === null) return { fires: true, trigger: makeTrigger(rule, index, found) };
    if (rule.on.includes(found.kind)) misses.push(`${found.forge}[${index}]: ${miss}`);
  }
  const reason =
    misses.length > 0
      ? `no rule fits: ${misses.slice(0, 5).join("; ")}`
      : `no rule for ${found.kind}`;
  return { fires: false, reason };
}

/**
 * The trigger of a command by somebody who may write: by the first rule for commands in the event's
 * repository that has this recipe. Null: there is none.
 */
export function matchCommand(
  event: GithubEvent,
  recipe: GithubRule["recipe"],
  asked: string | null,
  rules: TriggerRules,
): GithubTrigger | null {
  const index = rules[event.forge].findIndex(
    (rule) => rule.recipe === recipe && isForCommands(rule, event.repository),
  );
  const rule = rules[event.forge][index];
  return rule ? { ...makeTrigger(rule, index, event), asked } : null;
}

/** Whether commands in that repository are heard by this rule. */
export function isForCommands(rule: GithubRule, repository: string): boolean {
  return rule.on.includes("command") && fitsRepository(rule, repository);
}

/** The rules that want this about pull requests of ours in that repository, with what each is called. */
export function findForOwn(
  rules: readonly GithubRule[],
  forge: ForgeKind,
  kind: TriggerKind,
  repository: string,
): { rule: GithubRule; called: string }[] {
  return rules
    .map((rule, index) => ({ rule, called: callRule(rule, forge, index) }))
    .filter(({ rule }) => rule.on.includes(kind) && fitsRepository(rule, repository));
}

function callRule({ name }: GithubRule, forge: ForgeKind, index: number): string {
  return name ?? `${forge}[${index}]`;
}

/** Whether the rule is for that repository. */
export function fitsRepository(rule: Pick<GithubRule, "repository">, repository: string): boolean {
  return picomatch.isMatch(repository, rule.repository, { nocase: true, dot: true });
}

function whyRuleMisses(rule: GithubRule, event: GithubEvent): string | null {
  if (!rule.on.includes(event.kind)) return `it is for ${rule.on.join(", ")}`;
  if (!fitsRepository(rule, event.repository)) {
    return `${event.repository} is not ${rule.repository}`;
  }
  if (rule.label !== null) {
    const label = rule.label.toLowerCase();
    // For a labeled event only the new label counts: the others had their own event.
    const present = event.kind === "issues.labeled" ? [event.newLabel ?? ""] : event.labels;
    if (!present.some((candidate) => candidate.toLowerCase() === label)) {
      return `the label is not ${rule.label}`;
    }
  }
  if (rule.assignee !== null && event.kind === "issues.assigned") {
    if (event.assignee?.toLowerCase() !== rule.assignee.toLowerCase())
      return `it was not given to ${rule.assignee}`;
  }
  if (
    rule.branch !== null &&
    !(event.branch !== null && picomatch.isMatch(event.branch, rule.branch, { dot: true }))
  ) {
    return `the branch is not ${rule.branch}`;
  }
  // Another daemon's work may be there, which repairs it itself: two would answer each other for ever.
  if (
    event.kind.endsWith("_run.failed") &&
    event.head?.inRepository !== false &&
    event.branch?.startsWith("deputy/") &&
    !rule.branch?.includes("deputy/")
  ) {
    return `${event.branch.slice(0, 100)} may be a Deputy's branch, which the rule's \`branch\` has to name`;
  }
  return null;
}

function makeTrigger(rule: GithubRule, index: number, event: GithubEvent): GithubTrigger {
  const sender = event.trust.mayWrite ? null : event.trust.askAbout;
  const listed = sender !== null && isTrusted(rule, sender);
  const mayWrite = event.trust.mayWrite || listed;
  const needsApproval = rule.recipe === "change" && !mayWrite;
  const who = listed ? `${sender.login} is trusted by the rule` : event.trust.why;
  const clone = rule.clone.replaceAll("{repository}", event.repository);
  const isIssue = event.kind.startsWith("issues.") || (event.kind === "command" && !event.head);
  return {
    rule: callRule(rule, event.forge, index),
    forge: event.forge,
    guards: rule.guards,
    subject: event.subject,
    isCommit: event.kind.endsWith(".failed"),
    recipe: rule.recipe,
    taskInput: {
      goal: `${rule.goal ?? defaultGoal(rule, event)}\n\n${event.facts}`,
      repository: clone,
      ...(event.base === null ? {} : { base: event.base }),
      ...(rule.agent === null ? {} : { agent: rule.agent }),
      ...(rule.checks.length === 0 ? {} : { checks: rule.checks }),
      ...(rule.allow.length === 0 ? {} : { allow: rule.allow }),
      ...(rule.proof === null ? {} : { proof: rule.proof }),
      ...(rule.recipe === "review" ? {} : { deliver: rule.deliver }),
    },
    origin: {
      source: event.forge,
      subject: event.subject,
      outsideText: event.outsideText,
      author: event.author,
      replyTo: event.replyTo,
      closes: rule.closes && isIssue,
      reviewedAgainst: event.reviewedAgainst,
      // A command needs no label, so nobody takes it back by removing one.
      label: event.kind === "command" ? null : rule.label,
      tells: rule.recipe === "change" && rule.comment && event.replyTo !== null,
    },
    needsApproval,
    askAbout: needsApproval ? sender : null,
    repository: event.repository,
    perhapsOurs: findOwnBranch(event, clone),
    newestCounts: event.kind.startsWith("pull_request."),
    reason: `${event.kind} fits ${event.forge}[${index}]; ${who}`,
    unsureLabel: event.isLabelTold ? null : event.newLabel,
    asked: null,
  };
}

/** Whether the rule counts an account as having write access. */
export function isTrusted({ trusted }: GithubRule, { id, login }: Account): boolean {
  return trusted.some((one) =>
    typeof one === "number" ? one === id : one === login.toLowerCase(),
  );
}

/** A fork's branch is never ours, whatever its name. */
function findOwnBranch({ head, repository }: GithubEvent, clone: string): OwnBranch | null {
  if (!head?.branch?.startsWith("deputy/") || head.inRepository === false) return null;
  const { branch, commit, inRepository } = head;
  return { repository, clone, branch, commit, inRepository: inRepository === true };
}

function defaultGoal(rule: GithubRule, event: GithubEvent): string {
  if (rule.recipe === "review") {
    return event.reviewedAgainst !== null
      ? "Review the change of the pull request described below: say what is wrong with it, with file and line, worst first."
      : "Read the issue described below, look into the code, and say what causes it and what would resolve it.";
  }
  return event.head === null
    ? "Resolve the issue described below."
    : "Find out why the run described below failed, and repair it.";
}
