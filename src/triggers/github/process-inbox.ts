import { DeputyError } from "../../core/base/error.ts";
import type { Task, TaskOrigin } from "../../core/task/task.ts";
import type { IntakeRequest } from "../../orchestrator/intake/intake.ts";
import type { Inbox, OpenDelivery } from "../inbox.ts";
import { isHeldBack, judgeRefusal } from "../refusal.ts";
import type { TriggerRules } from "../rules.ts";
import { decideStory, type EarlierTask } from "./decide-story.ts";
import { type GithubChange, readGithubChange } from "./github-event.ts";
import type { Account } from "./github-trust.ts";
import { type GithubTrigger, matchGithub, type OwnBranch } from "./match-github.ts";

/**
 * Turns stored deliveries into tasks, oldest first. Every step is idempotent: the delivery's id is
 * the task's idempotency key, so after a crash between submitting and recording the same task is
 * found again. A subject has one active task, and one story (decide-story.ts): an event about an
 * issue in progress joins its task, one about delivered work has it reworked or names it. A new pull
 * request head waits for the running review to end, and of several waiting ones only the newest
 * counts.
 */
export type InboxDeps = {
  inbox: Omit<Inbox, "insert">;
  rules: () => TriggerRules;
  /** Throws a DeputyError if the request is refused, `conflict` if the subject is busy. */
  submit: (request: IntakeRequest) => Promise<{ task: Pick<Task, "id">; created: boolean }>;
  findActiveTask: (subject: string) => Promise<string | null>;
  /** The latest task that was to change something for this subject. */
  findEarlier: (subject: string) => Promise<EarlierTask | null>;
  /** Has a task that is over continue with this; `key` makes it happen once. */
  rework: (
    taskId: string,
    what: { text: string; origin: TaskOrigin; goal: string },
    key: string,
  ) => Promise<void>;
  retry: (taskId: string) => Promise<void>;
  /** The active task that delivered this pull request before. */
  findDeliverer: (pullUrl: string) => Promise<string | null>;
  /** Record what somebody decided on a pull request that a task delivered. Returns its id; null: there is none. */
  decide: (pullUrl: string, decided: { by: string; isMerged: boolean }) => Promise<string | null>;
  /** Stop a task whose subject was closed, or lost its label. Returns the result. */
  stop: (taskId: string, about: { what: string; label: string | null }) => Promise<string>;
  /** Report a change of a task's subject to the task. Returns the result. */
  changeOrigin: (
    taskId: string,
    change: Pick<GithubChange, "what" | "outsideText"> & { mayWrite: boolean },
  ) => Promise<string>;
  /**
   * Tell the agents of an active task what somebody who may write said. Returns the result; null: the
   * task has no agent that could be told.
   */
  tell: (
    taskId: string,
    change: Pick<GithubChange, "what" | "subject"> & { words: Words },
    key: string,
  ) => Promise<string | null>;
  /** Ask GitHub whether a person may write; null if no token is configured. */
  hasWriteAccess: ((repository: string, account: Account) => Promise<boolean>) | null;
  /** Whether one of our tasks made this branch, or the commit that it points to. */
  isOwnBranch: (branch: OwnBranch) => Promise<boolean>;
  log: (level: "info" | "warn", fields: object, message: string) => void;
};

type Words = NonNullable<GithubChange["words"]>;

const pageSize = 20;

type End = { result: string; subject: string | null; taskId: string | null };

/** One round over the inbox. Returns how many deliveries were settled and how many stay open. */
export async function processInbox(deps: InboxDeps): Promise<{ settled: number; open: number }> {
  const seen: string[] = [];
  /** Subjects of earlier deliveries that stay open. */
  const waiting = new Set<string>();
  let settled = 0;
  for (;;) {
    const page = await deps.inbox.listOpen("github", pageSize, seen);
    if (page.length === 0) return { settled, open: seen.length - settled };
    const newest = newestBySubject(page, deps.rules());
    for (const delivery of page) {
      seen.push(delivery.deliveryId);
      if (await processDelivery(deps, delivery, newest, waiting)) settled++;
    }
  }
}

async function processDelivery(
  deps: InboxDeps,
  delivery: OpenDelivery,
  newest: ReadonlyMap<string, string>,
  waiting: Set<string>,
): Promise<boolean> {
  const { deliveryId } = delivery;
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
    const end = await startOrContinue(deps, delivery, trigger);
    return settle(deps, deliveryId, { ...end, subject: trigger.subject });
  } catch (error) {
    const isSettled = await afterRefusal(deps, delivery, trigger, error);
    if (!isSettled) waiting.add(trigger.subject);
    return isSettled;
  }
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
        : await hear(deps, taskId, change, `github:${deliveryId}`);
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
  const repository = subject.replace(/^github:/, "").replace(/#\d+$/, "");
  return deps.hasWriteAccess(repository, by).catch((error) => {
    deps.log("warn", { err: error, subject }, "Words about an issue stay an event");
    return false;
  });
}

/** Starts a task for the event, or has the subject's earlier one continue. */
async function startOrContinue(
  deps: InboxDeps,
  { deliveryId }: OpenDelivery,
  trigger: GithubTrigger,
): Promise<Pick<End, "result" | "taskId">> {
  const { origin, reason, recipe, subject, taskInput } = trigger;
  // The delivery identifies the request: changed rules do not make it a new one.
  const key = `github:${deliveryId}`;
  const active = await deps.findActiveTask(subject);
  const ask = await findDoubt(deps, trigger);
  const earlier = recipe === "change" && active === null ? await deps.findEarlier(subject) : null;
  const story = decideStory(trigger, earlier, ask === null);
  const taskId = earlier?.task.id ?? null;
  switch (story.kind) {
    case "name":
      return { result: `joined: ${story.result}`, taskId };
    case "retry":
      await deps.retry(earlier?.task.id ?? "");
      return { result: `joined: ${taskId} had failed and is tried again; ${reason}`, taskId };
    case "rework":
      await deps.rework(earlier?.task.id ?? "", { ...story, origin, goal: taskInput.goal }, key);
      return { result: `joined: ${taskId} continues with what is new; ${reason}`, taskId };
    case "begin": {
      const { goal } = taskInput;
      const { task } = await deps.submit({
        input: { ...taskInput, goal: story.about === null ? goal : `${goal}\n\n${story.about}` },
        ...{ origin, recipe },
        approval: ask === null ? null : `Start this task for ${subject}? ${ask}.`,
        idempotency: { key, bodyHash: "github" },
      });
      return { result: `${recipe}: ${reason}`, taskId: task.id };
    }
  }
}

/** Why a person has to approve the change first; null: its sender may write. */
async function findDoubt(
  deps: InboxDeps,
  { askAbout, needsApproval, reason, repository }: GithubTrigger,
): Promise<string | null> {
  if (!needsApproval) return null;
  if (askAbout === null || deps.hasWriteAccess === null) return reason;
  try {
    return (await deps.hasWriteAccess(repository, askAbout)) ? null : reason;
  } catch (error) {
    const isHidden =
      error instanceof DeputyError && (error.code === "forbidden" || error.code === "not_found");
    if (!isHidden) throw error;
    // Nobody else can tell: a person decides, and sees why they are asked.
    return `${reason}. ${error.message.replace(/\s+/g, " ").replace(/\.$/, "")}`;
  }
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
  const { isFinal, log, result } = judgeRefusal(delivery, error);
  if (!isFinal && result === delivery.result) return false; // already logged
  deps.log("warn", { deliveryId, subject }, log);
  if (isFinal) return settle(deps, deliveryId, ended(result, subject));
  await deps.inbox.note(deliveryId, { result, subject });
  return false;
}

async function settle(deps: InboxDeps, deliveryId: string, end: End): Promise<true> {
  await deps.inbox.settle(deliveryId, { ...end, result: end.result.slice(0, 1000) });
  deps.log("info", { deliveryId, taskId: end.taskId }, `Delivery settled: ${end.result}`);
  return true;
}

function ended(result: string, subject: string | null): End {
  return { result, subject, taskId: null };
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
