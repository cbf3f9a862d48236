import { DeputyError } from "../../../core/base/error.ts";
import { keyOfDelivery } from "../../../core/forge/place.ts";
import type { Task } from "../../../core/task/task.ts";
import { makeInert } from "../../../core/text/inert-text.ts";
import type { OpenDelivery } from "../../inbox.ts";
import { actionPayload } from "../github-payload.ts";
import { isBot } from "../github-trust.ts";
import type { InboxDeps } from "../inbox-deps.ts";
import { isForCommands, isTrusted } from "../match-github.ts";
import { ended, retryLater, settle } from "../settle-delivery.ts";
import { mayWriteNow } from "./may-write-now.ts";
import type { CommandName } from "./read-command.ts";
import { steer } from "./run-command.ts";

/**
 * Carries out a button of a check run of ours. It is the command of the same name in a comment: by
 * somebody who may write, as GitHub says now, in a repository with a rule for commands. The check
 * names its task, which must be one about this repository. Whether the delivery is settled; null: it
 * is about something else.
 */
export async function runAction(deps: InboxDeps, delivery: OpenDelivery): Promise<boolean | null> {
  const { commands } = deps;
  const parsed = delivery.event === "check_run" ? actionPayload.safeParse(delivery.payload) : null;
  if (!parsed?.success || commands === null) return null;
  const { check_run: check, repository, sender } = parsed.data;
  const { deliveryId } = delivery;
  const name = repository.full_name;
  const ignore = (why: string) => settle(deps, deliveryId, ended(`ignored: ${why}`, null));
  const command = readAction(parsed.data);
  if (commands.appSlug === null || check.app?.slug !== commands.appSlug)
    return ignore("the check is not ours");
  if (command === null) return ignore("a check of ours has no such button");
  const rules = deps.rules().github.filter((rule) => isForCommands(rule, name));
  if (rules.length === 0) return ignore(`no rule for commands is for ${name}`);
  if (isBot(sender)) return ignore(`${sender.login} is a bot`);
  try {
    const task = await commands.findTask(check.external_id);
    const place = task && findPlace(task, name);
    if (task === null || place === null) return ignore(`the check is of no task about ${name}`);
    const isKnown = rules.some((rule) => isTrusted(rule, sender));
    if (!isKnown && !(await mayWriteNow(deps, name, sender)))
      return ignore(`nothing shows that ${sender.login} has write access`);
    const key = keyOfDelivery("github", deliveryId);
    const given = { by: sender, command: { name: command, words: "" }, commands, key, place };
    const { result, taskId } = await steer(given, task).catch((error: unknown) => {
      // What is not the command's fault is tried again.
      if (!(error instanceof DeputyError) || error.code === "unavailable") throw error;
      return commands
        .reply(place, makeInert(error.message), deliveryId)
        .then(() => ({ result: `refused: ${error.message}`, taskId: task.id }));
    });
    const subject = task.origin.subject ?? null;
    return settle(deps, deliveryId, { result, taskId, subject });
  } catch (error) {
    return retryLater(deps, delivery, `github:${name}`, error);
  }
}

/** GitHub has a button of its own to run a check again. */
function readAction(about: {
  action: "requested_action" | "rerequested";
  requested_action?: { identifier: string } | null | undefined;
}): CommandName | null {
  if (about.action === "rerequested") return "retry";
  const identifier = about.requested_action?.identifier;
  return identifier === "retry" || identifier === "stop" ? identifier : null;
}

/** Where the task's check is: on the pull request that it delivered, or reviews. */
function findPlace({ deliveryUrl, origin }: Task, repository: string): string | null {
  const [, of, number] = /\/([^/]+\/[^/]+)\/pull\/(\d{1,12})$/.exec(deliveryUrl ?? "") ?? [];
  const places = [...(of ? [`${of}#${number}`] : []), origin.replyTo ?? ""];
  const start = `${repository}#`.toLowerCase();
  return places.find((place) => place.toLowerCase().startsWith(start)) ?? null;
}
