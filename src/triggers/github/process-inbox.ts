import { DeputyError } from "../../core/base/error.ts";
import { type ForgeKind, keyOfDelivery, withoutForge } from "../../core/forge/place.ts";
import type { OpenDelivery } from "../inbox.ts";
import { hasFailed, isHeldBack, retryFailed } from "../refusal.ts";
import type { TriggerRules } from "../rules.ts";
import { runAction } from "./commands/run-action.ts";
import { runCommand } from "./commands/run-command.ts";
import { type GithubChange, readGithubChange, readGithubEvent } from "./github-event.ts";
import type { InboxDeps, Words } from "./inbox-deps.ts";
import { type GithubTrigger, matchGithub } from "./match-github.ts";
import { repairChecks } from "./repair-checks.ts";
import { ended, retryLater, settle } from "./settle-delivery.ts";
import { startOrContinue } from "./start-or-continue.ts";
import { updateConflicted } from "./update-conflicted.ts";
import { workOnReview } from "./work-on-review.ts";

/**
 * Turns stored deliveries into tasks, oldest first. Every step is idempotent: the delivery's id is
 * the task's idempotency key, so after a crash between submitting and recording the same task is
 * found again. A subject has one active task, and one story (decide-story.ts): an event about an
 * issue in progress joins its task, one about delivered work has it reworked or names it. A new pull
 * request head waits for the running review to end, and of several waiting ones only the newest
 * counts.
 */
const pageSize = 20;

/** Of inbox rows. */
export const sourcesOf = {
  github: ["github", "reconcile"],
  gitea: ["gitea"],
  gitlab: ["gitlab"],
} satisfies Record<ForgeKind, string[]>;

/**
 * One round over the inbox, or what it has about one repository. Returns how many deliveries were
 * settled and how many stay open. A delivery that fails in an unforeseen way keeps no other from
 * being processed.
 */
export async function processInbox(
  deps: InboxDeps,
  { isStopped = () => false, repository }: Round = {},
): Promise<{ settled: number; open: number }> {
  const seen: string[] = [];
  /** Subjects of earlier deliveries that stay open. */
  const waiting = new Set<string>();
  let settled = 0;
  for (;;) {
    const page = await deps.inbox.listOpen(sourcesOf[deps.forge], pageSize, seen, repository);
    if (page.length === 0 || isStopped()) return { settled, open: seen.length - settled };
    const newest = newestBySubject(page, deps.rules());
    for (const delivery of page) {
      if (isStopped()) break;
      seen.push(delivery.deliveryId);
      if (hasFailed(delivery) && isHeldBack(delivery)) {
        holdSubject(delivery, waiting);
        continue;
      }
      const isSettled = await processDelivery(deps, delivery, newest, waiting).catch((error) => {
        holdSubject(delivery, waiting);
        return retryFailed(deps, delivery, error);
      });
      if (isSettled) settled++;
    }
  }
}

/** What may still start a task keeps later events about its subject waiting. */
function holdSubject({ event, payload }: OpenDelivery, waiting: Set<string>): void {
  const read = readGithubEvent(event, payload);
  if ("event" in read) waiting.add(read.event.subject);
}

type Round = { repository?: string | null; isStopped?: () => boolean };

async function processDelivery(
  deps: InboxDeps,
  delivery: OpenDelivery,
  newest: ReadonlyMap<string, string>,
  waiting: Set<string>,
): Promise<boolean> {
  const { deliveryId } = delivery;
  const commanded = await runCommand(deps, delivery);
  if (commanded !== null) return commanded;
  const pressed = await runAction(deps, delivery);
  if (pressed !== null) return pressed;
  const repaired = await repairChecks(deps, delivery, waiting);
  if (repaired !== null) return repaired;
  const reviewed = await workOnReview(deps, delivery);
  if (reviewed !== null) return reviewed;
  const updated = await updateConflicted(deps, delivery);
  if (updated !== null) return updated;
  const change = readGithubChange(delivery.event, delivery.payload);
  if (change !== null) return processChange(deps, delivery, change, waiting);
  const match = matchGithub(delivery.event, delivery.payload, deps.rules());
  if (!match.fires) return settle(deps, deliveryId, ended(`ignored: ${match.reason}`, null));
  const { trigger } = match;
  if (isHeldBack(delivery)) {
    waiting.add(trigger.subject);
    return false;
  }
  const later = newest.get(trigger.subject);
  if (trigger.newestCounts && later !== undefined && later !== deliveryId) {
    return settle(deps, deliveryId, ended(`superseded by ${later}`, trigger.subject));
  }
  try {
    if (trigger.perhapsOurs && (await deps.isOwnBranch(trigger.perhapsOurs))) {
      const { branch } = trigger.perhapsOurs;
      const result = `ignored: ${branch.slice(0, 100)} is a branch of ours`;
      return settle(deps, deliveryId, ended(result, trigger.subject));
    }
    const old = await findOldLabel(deps, delivery, trigger);
    if (old !== null) return settle(deps, deliveryId, ended(`ignored: ${old}`, trigger.subject));
    const end = await startOrContinue(deps, delivery, trigger);
    return settle(deps, deliveryId, { ...end, subject: trigger.subject });
  } catch (error) {
    const isSettled = await afterRefusal(deps, delivery, trigger, error);
    if (!isSettled) waiting.add(trigger.subject);
    return isSettled;
  }
}

/** Clocks differ, and a webhook may be late. */
const labelSlackMs = 15 * 60_000;

/** Why the label is not what this delivery is about, where its forge does not tell; null: it is. */
async function findOldLabel(
  { wasLabelled }: InboxDeps,
  { receivedAt }: OpenDelivery,
  { origin, unsureLabel }: GithubTrigger,
): Promise<string | null> {
  if (unsureLabel === null || origin.replyTo === null) return null;
  if (wasLabelled === null)
    return "it does not tell which label was set, and without a token nobody can be asked";
  const since = new Date(receivedAt.getTime() - labelSlackMs);
  return (await wasLabelled(origin.replyTo, unsureLabel, since))
    ? null
    : `the label ${unsureLabel.slice(0, 100)} was set before`;
}

/**
 * Reports a change of an issue to the task about it, waiting for one that is still to be created.
 */
async function processChange(
  deps: InboxDeps,
  { deliveryId }: OpenDelivery,
  change: GithubChange,
  waiting: ReadonlySet<string>,
): Promise<boolean> {
  const { isMerged, pullUrl, stops, subject, what } = change;
  const isClosed = stops !== null && stops.label === null;
  const decided =
    isClosed && pullUrl !== null ? await deps.decide(pullUrl, { by: what, isMerged }) : null;
  if (decided !== null) {
    const result = `${isMerged ? "accepted" : "discarded"}: ${what}`;
    return settle(deps, deliveryId, { result, subject, taskId: decided });
  }
  const isHeard = stops !== null || change.words !== null;
  const deliverer = isHeard && pullUrl !== null ? await deps.findDeliverer(pullUrl) : null;
  const taskId = deliverer ?? (await deps.findActiveTask(subject));
  if (taskId === null && waiting.has(subject)) {
    await deps.inbox.note(deliveryId, { result: "waits for an earlier event's task", subject });
    return false;
  }
  const result =
    taskId === null
      ? "ignored: no task is about it"
      : stops
        ? await deps.stop(taskId, { what, ...stops })
        : await hear(deps, taskId, change, keyOfDelivery(deps.forge, deliveryId));
  return settle(deps, deliveryId, { result, subject, taskId });
}

/** What was said about the subject of an active task, or done to it. */
async function hear(
  deps: InboxDeps,
  taskId: string,
  change: GithubChange,
  key: string,
): Promise<string> {
  const { words } = change;
  const mayWrite = words !== null && (await maySpeak(deps, change.subject, words));
  const told = mayWrite ? await deps.tell(taskId, { ...change, words }, key) : null;
  if (told !== null) return told;
  if (words?.kind !== "comment") return deps.changeOrigin(taskId, { ...change, mayWrite });
  return mayWrite
    ? `ignored: ${taskId} has no agent that could be told`
    : `ignored: nothing shows that ${words.by.login} has write access`;
}

/** What cannot be asked now counts as no: the words are an event then. */
async function maySpeak(deps: InboxDeps, subject: string, { by, trust }: Words): Promise<boolean> {
  if (trust.mayWrite || deps.hasWriteAccess === null) return trust.mayWrite;
  const repository = withoutForge(subject).replace(/[#!]\d+$/, "");
  return deps.hasWriteAccess(repository, by).catch((error) => {
    deps.log("warn", { err: error, subject }, "Words about an issue stay an event");
    return false;
  });
}

async function afterRefusal(
  deps: InboxDeps,
  delivery: OpenDelivery,
  trigger: GithubTrigger,
  error: unknown,
): Promise<boolean> {
  const { deliveryId } = delivery;
  const { subject } = trigger;
  if (error instanceof DeputyError && error.code === "conflict") {
    const active = await deps.findActiveTask(subject);
    if (active !== null && trigger.newestCounts) {
      await deps.inbox.note(deliveryId, { result: `waits for ${active} to end`, subject });
      return false;
    }
    if (active !== null) {
      // Its text may differ from the one that the task is waiting to be approved with.
      const { outsideText } = trigger.origin;
      const what = `a further event about ${subject} brought other words`;
      const became = await deps.changeOrigin(active, { what, outsideText, mayWrite: false });
      const result = became === "asked again" ? became : `joined: ${active} is at work on it`;
      return settle(deps, deliveryId, { result, subject, taskId: active });
    }
  }
  return retryLater(deps, delivery, subject, error);
}

/** For events of which only the newest counts: the last delivery of each subject on this page. */
function newestBySubject(
  page: readonly OpenDelivery[],
  rules: TriggerRules,
): ReadonlyMap<string, string> {
  const newest = new Map<string, string>();
  for (const { deliveryId, event, payload } of page) {
    const match = matchGithub(event, payload, rules);
    if (match.fires && match.trigger.newestCounts) {
      newest.set(match.trigger.subject, deliveryId);
    }
  }
  return newest;
}
