import { DeputyError } from "../../../core/base/error.ts";
import { keyOfDelivery, subjectOf, withoutForge, writePlace } from "../../../core/forge/place.ts";
import { isTaskOver } from "../../../core/task/lifecycle.ts";
import type { Task } from "../../../core/task/task.ts";
import { wrapOutsideText } from "../../../core/text/data-block.ts";
import { makeInert } from "../../../core/text/inert-text.ts";
import type { OpenDelivery } from "../../inbox.ts";
import { isHeldBack } from "../../refusal.ts";
import { type GithubEvent, isOurComment, readGithubEvent } from "../github-event.ts";
import { commentPayload } from "../github-payload.ts";
import { type Account, isBot, trustOfPerson } from "../github-trust.ts";
import type { CommandDeps, InboxDeps } from "../inbox-deps.ts";
import { isForCommands, isTrusted, matchCommand } from "../match-github.ts";
import { ended, retryLater, settle } from "../settle-delivery.ts";
import { startOrContinue } from "../start-or-continue.ts";
import { mayWriteNow } from "./may-write-now.ts";
import { commandHelp, type GithubCommand, mentionsFirst, readCommand } from "./read-command.ts";

/**
 * Carries out a command in a comment, by somebody who may write, in a repository with a rule for
 * commands. The rules decide agent, checks, clone and delivery; the command chooses among the tasks
 * of its issue or pull request, and its words are data. Each is carried out once: what started work
 * has the delivery's key, and what changed a task is on record there with it.
 */
type Given = {
  delivery: OpenDelivery;
  command: GithubCommand;
  commands: CommandDeps;
  /** See core/forge/place.ts. */
  place: string;
  subject: string;
  /** The delivery's. */
  key: string;
  isPull: boolean;
  isClosed: boolean;
  pullUrl: string | null;
  by: Account;
  payload: object;
};

/** What came of it; `reply`: what its author is told, null: the task's own comment tells it. */
type Done = { result: string; taskId: string | null; reply: string | null };

/** Whether the delivery is settled; null: it is no command. */
export async function runCommand(deps: InboxDeps, delivery: OpenDelivery): Promise<boolean | null> {
  const { commands } = deps;
  const parsed =
    delivery.event === "issue_comment" ? commentPayload.safeParse(delivery.payload) : null;
  if (!parsed?.success || commands === null) return null;
  const { comment, issue, repository, sender } = parsed.data;
  const { forge, full_name: name } = repository;
  const rules = deps.rules()[forge].filter((rule) => isForCommands(rule, name));
  const body = comment.body ?? "";
  if (rules.length === 0 || isBot(sender) || isOurComment(body)) return null;
  const isPull = issue.pull_request != null;
  const place = writePlace({ forge, repository: name, number: issue.number, isPull });
  const subject = subjectOf(forge, place);
  try {
    const bot = mentionsFirst(body) ? await commands.findOwnLogin(name) : null;
    const command = readCommand(body, bot);
    if (command === null) return null;
    if (isHeldBack(delivery)) return false;
    const isRisky = command.name === "answer" || command.name === "budget";
    const association = comment.author_association ?? null;
    const trust = trustOfPerson(sender, {
      ...{ author: comment.user, association, owner: repository.owner },
    });
    const isKnown = trust.mayWrite || rules.some((rule) => isTrusted(rule, sender));
    if (!(isKnown && !isRisky) && !(await mayWriteNow(deps, name, sender))) {
      const why = `nothing shows that ${sender.login} has write access`;
      return settle(deps, delivery.deliveryId, ended(`ignored: ${why}`, subject));
    }
    await deps.requireQuiet(subject);
    await commands.acknowledge(place, comment.id);
    const { reply, result, taskId } = await carryOut(deps, {
      ...{ delivery, command, commands, place, isPull, subject },
      key: keyOfDelivery(forge, delivery.deliveryId),
      ...{ isClosed: issue.state === "closed", by: sender, payload: delivery.payload as object },
      pullUrl: isPull ? (issue.html_url ?? null) : null,
    });
    if (reply !== null) await commands.reply(place, reply, delivery.deliveryId);
    return settle(deps, delivery.deliveryId, { result, taskId, subject });
  } catch (error) {
    return retryLater(deps, delivery, subject, error);
  }
}

async function carryOut(deps: InboxDeps, given: Given): Promise<Done> {
  const { command, commands, isPull, key, pullUrl, subject } = given;
  // A reviewer changes nothing, so a fix is not for them.
  const changesOnly = command.name === "fix";
  const about = { subject, pullUrl, changesOnly };
  if (command.name === null) return refuse(listCommands());
  try {
    // A process that died after it had started the task.
    const made = await commands.findMade(key);
    if (made !== null) return { result: "started", taskId: made.id, reply: null };
    if (command.name === "review") return await review(deps, given);
    const task = await commands.findAbout(about);
    if (command.name === "fix") return await fix(deps, given, task);
    if (task === null) {
      const what = isPull ? "pull request" : "issue";
      return refuse(`No task of mine is about this ${what}.`);
    }
    return await steer(given, task);
  } catch (error) {
    // What is not the command's fault is tried again.
    if (!(error instanceof DeputyError) || error.code === "unavailable") throw error;
    return refuse(makeInert(error.message));
  }
}

function refuse(reply: string): Done {
  return { result: `refused: ${reply.split("\n", 1)[0]}`, taskId: null, reply };
}

/** No line of it starts with a command. */
function listCommands(): string {
  const lines = Object.values(commandHelp).map((usage) => `- \`/deputy ${usage}\``);
  return `I know these commands:\n\n${lines.join("\n")}`;
}

/** Acts on a task: the latest about the place, an open one first, or that of a button. */
export async function steer(
  {
    by,
    command,
    commands,
    key,
    place,
  }: Pick<Given, "by" | "command" | "commands" | "key" | "place">,
  task: Task,
): Promise<Done> {
  const { name, words } = command;
  const author = { what: `${by.login} said "/deputy ${name}" on ${withoutForge(place)}`, key };
  if (name === "why") {
    return { result: "told why", taskId: task.id, reply: await commands.describe(task) };
  }
  const isDone = await commands.isRecorded(task.id, key);
  if (!isDone && name === "stop") await commands.stop(task.id, author);
  if (!isDone && name === "retry") await commands.retry(task.id, author);
  if (!isDone && name === "answer") await commands.answer(task.id, words, author);
  if (!isDone && name === "budget") await commands.grant(task.id, words, author);
  const reply = isToldAt(task, place) ? null : await commands.describe(task);
  return { result: `carried out: ${author.what}`, taskId: task.id, reply };
}

/** Whether its own comment there says how it goes. */
function isToldAt({ origin }: Task, place: string): boolean {
  return origin.tells === true && origin.replyTo === place;
}

/**
 * On an issue a task, as by its label, or the rework of the one before; on a pull request of ours the
 * rework of what it delivered. Agents at work on it are told instead.
 */
async function fix(deps: InboxDeps, given: Given, task: Task | null): Promise<Done> {
  const { by, command, delivery, isClosed, isPull, key, payload, place, subject } = given;
  const { words } = command;
  const shown = withoutForge(place);
  const what = `${by.login} asks for this in a comment on ${shown}`;
  const asked = words === "" ? null : `${what}:\n\n${wrapOutsideText(words, subject)}`;
  const read = readGithubEvent("issues", { ...payload, action: "opened" });
  if ("reason" in read) return refuse(read.reason);
  const trigger = matchCommand(asCommand(read.event, by), "change", asked, deps.rules());
  if (trigger === null) return refuse("No rule of mine for commands here lets me change anything.");
  const isActive = task !== null && !isTaskOver(task.state);
  if (isActive) {
    const about = {
      what,
      subject,
      words: { kind: "comment" as const, text: words, ...trusted(by) },
    };
    const told = words === "" ? null : await deps.tell(task.id, about, key);
    const result = told ?? `joined: ${task.id} is at work on it`;
    return { result, taskId: task.id, reply: await given.commands.describe(task) };
  }
  if (isClosed) return refuse(`${shown} is closed, so nothing is started for it.`);
  const busy = await deps.findActiveTask(isPull ? (task?.origin.subject ?? subject) : subject);
  if (!isPull) {
    if (busy !== null) throw waitFor(busy);
    const { result, taskId } = await startOrContinue(deps, delivery, trigger);
    const started = taskId === null ? null : await given.commands.findTask(taskId);
    const isSaid = started === null || isToldAt(started, place);
    return { result, taskId, reply: isSaid ? null : await given.commands.describe(started) };
  }
  if (task === null || task.deliveryUrl !== given.pullUrl)
    return refuse(`${shown} is no pull request of mine: I can only review it.`);
  if (asked === null)
    return refuse("Say what is to be fixed: `/deputy fix`, and the words after it.");
  if (busy !== null) throw waitFor(busy);
  const { goal, origin } = task;
  await deps.rework(task.id, { text: asked, origin, goal, voice: "person" }, key);
  const reply = `I work on it again.\n\n\`${task.id}\``;
  return { result: `rework: ${what}`, taskId: task.id, reply };
}

/** A review of the same subject ends before its work begins: the command stays open until then. */
function waitFor(taskId: string): DeputyError {
  return new DeputyError("unavailable", `it waits for ${taskId} to end`);
}

/** Its words are the caller's, whose permission is established. */
function trusted(by: Account) {
  return { by, trust: { mayWrite: true as const, why: `${by.login} may write` } };
}

function asCommand(event: GithubEvent, by: Account): GithubEvent {
  const { trust } = trusted(by);
  return { ...event, kind: "command", newLabel: null, trust, ignore: null };
}

/** A review delivers a comment of its own, so nothing else is said. */
async function review(deps: InboxDeps, given: Given): Promise<Done> {
  const { by, commands, delivery, isClosed, isPull, payload, place } = given;
  if (isClosed) return refuse(`${withoutForge(place)} is closed, so nothing is started for it.`);
  const read = isPull
    ? readGithubEvent("pull_request", {
        ...payload,
        action: "opened",
        pull_request: await commands.readPull(place),
      })
    : readGithubEvent("issues", { ...payload, action: "opened" });
  if ("reason" in read) return refuse(read.reason);
  const trigger = matchCommand(asCommand(read.event, by), "review", null, deps.rules());
  if (trigger === null) return refuse("No rule of mine for commands here lets me review anything.");
  const active = await deps.findActiveTask(trigger.subject);
  const task = active === null ? null : await commands.findTask(active);
  if (task !== null) {
    const result = `joined: ${task.id} is at work on it`;
    return { result, taskId: task.id, reply: await commands.describe(task) };
  }
  return { ...(await startOrContinue(deps, delivery, trigger)), reply: null };
}
