import { createHash } from "node:crypto";
import { DeputyError } from "../../core/base/error.ts";
import type { CheckFailure, CheckRun } from "../../core/forge/check-run.ts";
import { whyNoRepair } from "../../core/forge/decide-repair.ts";
import {
  type ForgeKind,
  numberOfPull,
  subjectOf,
  withoutForge,
  writePlace,
} from "../../core/forge/place.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import type { Voice } from "../../core/task/message.ts";
import { decisionOf, type Task } from "../../core/task/task.ts";
import { wrapOutsideText } from "../../core/text/data-block.ts";
import { makeInert } from "../../core/text/inert-text.ts";
import { cleanOutsideText } from "../../core/text/outside-text.ts";
import type { OpenDelivery } from "../inbox.ts";
import { isHeldBack } from "../refusal.ts";
import { readGithubEvent } from "./github-event.ts";
import { pullPayload } from "./github-payload.ts";
import type { InboxDeps, OwnPullDeps } from "./inbox-deps.ts";
import { findForOwn } from "./match-github.ts";
import { retryLater, settle } from "./settle-delivery.ts";

/**
 * A check that failed on a pull request of ours has its task worked on again, with what failed and
 * how, once all checks of that head have ended: one rework for each head. What is red on the target
 * branch as well is not ours to repair. The chain ends as decide-repair.ts says; then a person is
 * called. Whether the delivery is settled; null: it is about something else.
 */
export async function repairChecks(
  deps: InboxDeps,
  delivery: OpenDelivery,
  waiting: Set<string>,
): Promise<boolean | null> {
  const { own } = deps;
  const read = readGithubEvent(delivery.event, delivery.payload);
  if (own === null || "reason" in read) return null;
  const { forge, head, repository, subject } = read.event;
  if (!read.event.kind.endsWith("_run.failed") || !head || head.inRepository === false) return null;
  if (isOurs(deps, delivery)) return null;
  // GitHub names the branch; a commit status of Gitea has the commit alone.
  if (head.branch === null ? forge === "github" : !head.branch.startsWith("deputy/")) return null;
  const [rule] = findForOwn(deps.rules()[forge], forge, "own_check.failed", repository);
  if (!rule) return null;
  try {
    const task = await own.findDelivered(repository, head);
    if (task === null) return null;
    const done = (result: string) =>
      settle(deps, delivery.deliveryId, { result, subject, taskId: task.id });
    // What is at work on it delivers another head.
    if (!isTaskOver(task.state)) return done(`ignored: ${task.id} is at work on it`);
    if (decisionOf(task) !== "open") return done(`ignored: ${task.id} was decided on`);
    if (waiting.has(subject) || isHeldBack(delivery)) {
      waiting.add(subject);
      return false;
    }
    if (await waitsForOther(deps, delivery, subject, task)) {
      waiting.add(subject);
      return false;
    }
    const found = await readHead(own, { task, forge, repository, commit: head.commit });
    if (typeof found === "string") return done(`ignored: ${found}`);
    const { failed, open, place, redBefore } = found;
    if (open > 0 && Date.now() - delivery.receivedAt.getTime() < longestWaitMs) {
      waiting.add(subject);
      const until = new Date(Date.now() + pauseMs).toISOString();
      const result = `waits until ${until}: ${open} checks of ${withoutForge(place)} have not ended`;
      await deps.inbox.note(delivery.deliveryId, { result, subject });
      return false;
    }
    if (failed.length === 0 && redBefore.length === 0) return done("ignored: all checks are green");
    if (failed.length === 0) {
      await own.tell(place, task.id, tellRedBefore(redBefore));
      return done(`ignored: ${name(redBefore)} failed on the target branch, too`);
    }
    const about = { place, commit: head.commit, failed, redBefore };
    const admit = () => admitOwn(deps, { delivery, rule, task, subject: subjectOf(forge, place) });
    return done(await workOn(deps, own, task, repository, about, admit));
  } catch (error) {
    const isSettled = await retryLater(deps, delivery, subject, error);
    // Of one head there is one repair: its other red checks want none of their own meanwhile.
    if (!isSettled) waiting.add(subject);
    return isSettled;
  }
}

/** The guards of the rule, for work on a pull request of ours as for a new task. */
export async function admitOwn(
  { admit }: Pick<InboxDeps, "admit">,
  {
    delivery,
    rule,
    subject,
    task,
  }: {
    /** The pull request. */
    subject: string;
    delivery: OpenDelivery;
    rule: ReturnType<typeof findForOwn>[number];
    task: Task;
  },
): Promise<void> {
  const { called, rule: own } = rule;
  await admit({
    ...{ deliveryId: delivery.deliveryId, rule: called, guards: own.guards, depth: 0, subject },
    repository: task.repository,
  });
}

/** A check that we report ourselves says nothing new, and repairing because of it would never end. */
function isOurs({ commands }: InboxDeps, { payload }: OpenDelivery): boolean {
  const { check_run: check } = payload as { check_run?: { app?: { slug?: unknown } | null } };
  return commands !== null && commands.appSlug !== null && check?.app?.slug === commands.appSlug;
}

/** Checks that take longer are not waited for. */
const longestWaitMs = 60 * 60_000;
const pauseMs = 60_000;

type Head = { place: string; failed: CheckRun[]; redBefore: CheckRun[]; open: number };

/** The checks of a pull request's head, or why they play no part. */
async function readHead(
  own: OwnPullDeps,
  about: { task: Task; forge: ForgeKind; repository: string; commit: string },
): Promise<Head | string> {
  const { commit, forge, repository, task } = about;
  const number = numberOfPull(task.deliveryUrl);
  if (number === null) return `${task.id} has no pull request`;
  const place = writePlace({ forge, repository, number, isPull: true });
  const pull = pullPayload.shape.pull_request.parse(await own.readPull(place));
  if (pull.state !== "open") return `${withoutForge(place)} is ${pull.state ?? "not open"}`;
  if (pull.head.sha !== commit)
    return `${withoutForge(place)} is at ${pull.head.sha.slice(0, 10)} by now`;
  const runs = await own.listChecks(repository, commit);
  const open = runs.filter(({ isCompleted }) => !isCompleted).length;
  const red = runs.filter(({ hasFailed }) => hasFailed);
  if (red.length === 0) return { place, failed: red, redBefore: [], open };
  const before = pull.base.sha ? await own.listChecks(repository, pull.base.sha) : [];
  const wasRed = ({ name }: CheckRun) => before.some((run) => run.name === name && run.hasFailed);
  return {
    ...{ place, open },
    failed: red.filter((run) => !wasRed(run)),
    redBefore: red.filter(wasRed),
  };
}

/** Starts the rework, or calls a person. Returns the result. */
async function workOn(
  deps: InboxDeps,
  own: OwnPullDeps,
  task: Task,
  repository: string,
  { commit, failed, place, redBefore }: Omit<Head, "open"> & { commit: string },
  admit: () => Promise<void>,
): Promise<string> {
  const shown = failed.slice(0, maxShown);
  const failures = await Promise.all(shown.map((run) => own.readFailure(repository, run)));
  const earlier = await own.listRepairs(task.id, "checks");
  const signature = sign(shown, failures);
  const repair = { key: commit, signature, startsOver: commit !== task.deliveredCommit };
  const why = whyNoRepair(
    repair,
    earlier,
    `the checks of ${withoutForge(place)} failed (${name(failed)})`,
  );
  if (why === null) await admit();
  const decision = why === null ? "repair" : "hand_over";
  await own.recordRepair(task.id, "checks", { ...repair, decision });
  if (why !== null) {
    await own.tell(place, task.id, `I stopped repairing this: ${makeInert(why)}.`);
    await own.callPerson(task.id, why);
    return `handed over: ${why}`;
  }
  const evidence = shown.map((run, index) => describeFailure(run, failures[index]));
  const others =
    redBefore.length === 0
      ? ""
      : ` These failed on the target branch, too; leave them: ${name(redBefore)}.`;
  const text = `Checks of the repository's own CI failed on commit ${commit.slice(0, 10)} of ${withoutForge(place)}, which has this work; no person has looked at it. Find out why they failed, and repair the work. Where the fault is not in the work, change nothing and say so in your summary.${others}\n\n${wrapOutsideText(cleanOutsideText(evidence.join("\n\n")), place)}`;
  const what = `rework: ${name(failed)} failed on ${withoutForge(place)}`;
  const refused = await reworkOrCall(deps, own, {
    ...{ task, place, text, key: `checks:${commit}`, voice: "checks" },
  });
  return refused ?? what;
}

/** Whether another task is at work on what this one is about, a review of the issue say: that ends. */
export async function waitsForOther(
  deps: Pick<InboxDeps, "findActiveTask" | "inbox">,
  { deliveryId, result }: OpenDelivery,
  subject: string,
  task: Task,
): Promise<boolean> {
  const active = await findOther(deps, task);
  if (active === null) return false;
  const note = `waits for ${active} to end`;
  if (note !== result) await deps.inbox.note(deliveryId, { result: note, subject });
  return true;
}

async function findOther(
  deps: Pick<InboxDeps, "findActiveTask">,
  { id, origin }: Task,
): Promise<string | null> {
  const active = origin.subject ? await deps.findActiveTask(origin.subject) : null;
  return active === id ? null : active;
}

/**
 * Has the task worked on again. Where that is refused for good (its branch was rewritten, say), a
 * person is called, and the pull request says why. Returns what came of that; null: it is worked on.
 */
export async function reworkOrCall(
  deps: Pick<InboxDeps, "findActiveTask" | "rework">,
  own: Pick<OwnPullDeps, "callPerson" | "tell">,
  about: { task: Task; place: string; text: string; key: string; voice: Voice },
): Promise<string | null> {
  const { key, place, task, text, voice } = about;
  const { goal, origin } = task;
  try {
    await deps.rework(task.id, { text, origin, goal, voice }, key);
    return null;
  } catch (error) {
    if (!(error instanceof DeputyError) || error.code === "unavailable") throw error;
    const other = error.code === "conflict" ? await findOther(deps, task) : null;
    // It began in this moment, and ends.
    if (other !== null) throw new DeputyError("unavailable", error.message);
    await own.tell(place, task.id, `I cannot work on this again: ${makeInert(error.message)}`);
    await own.callPerson(task.id, error.message);
    return `refused: ${error.message}`;
  }
}

const maxShown = 10;

function name(runs: readonly CheckRun[]): string {
  const names = runs.slice(0, 5).map((run) => cleanOutsideText(run.name.slice(0, 100)));
  return names.join(", ") + (runs.length > 5 ? ` and ${runs.length - 5} more` : "");
}

function tellRedBefore(runs: readonly CheckRun[]): string {
  return `These checks failed here, and on the target branch as well, so I leave them: ${makeInert(name(runs))}.`;
}

function describeFailure(run: CheckRun, failure: CheckFailure | undefined): string {
  const { annotations = [], log = "" } = failure ?? {};
  return [
    `Failed check: ${run.name}`,
    run.words,
    annotations.length === 0 ? "" : `Annotations:\n${annotations.join("\n")}`,
    log === "" ? "" : `The end of its log:\n${log}`,
  ]
    .filter(Boolean)
    .join("\n\n");
}

/** The same for the same failure in another run: numbers, hashes and times are left out. */
function sign(runs: readonly CheckRun[], failures: readonly CheckFailure[]): string {
  const telling = runs.map((run, index) => {
    const { annotations = [], log = "" } = failures[index] ?? {};
    const lines = log.split("\n").filter((line) => /error|fail|not ok|assert|expected/i.test(line));
    return [run.name, ...annotations, ...(annotations.length > 0 ? [] : lines)].join("\n");
  });
  const plain = telling
    .toSorted()
    .join("\n\n")
    .replace(/\b[0-9a-f]{7,64}\b|\d+/gi, "0");
  return createHash("sha256").update(plain).digest("hex").slice(0, 32);
}
