import { isRisky } from "../core/attention/risk.ts";
import { newId } from "../core/base/id.ts";
import type { NewNotification } from "../core/ledger/task-ledger.ts";
import type { ChannelName } from "../core/settings/notify-settings.ts";
import type { QuestionKind } from "../core/task/question.ts";
import type { Task } from "../core/task/task.ts";
import type { Redact } from "../core/text/redact.ts";
import type { TitledTask } from "../core/text/title.ts";
import { listChannels } from "./channels/open-channels.ts";
import { chooseChannels, chooseNext, privacyOf } from "./manners/choose-channels.ts";
import {
  isNotified,
  type NotifiedEvent,
  notificationText,
  readQuestion,
} from "./notification-text.ts";
import type { NotifierConfig } from "./notifier-config.ts";

/**
 * The rows to write with an event: one per channel that gets such events, and for a question that is not
 * for a single tap one more, which rings later if nobody answered. None for an event without notification.
 * Addresses and secrets are not in them; they are looked up when sending.
 */
export function notificationRows(
  event: NotifiedEvent & { id: string },
  task: Pick<Task, "id" | "state" | "branch" | "deliveryUrl" | "repository"> &
    TitledTask & { origin: Pick<Task["origin"], "depth"> },
  config: NotifierConfig,
  redact: Redact,
  now: Date = new Date(),
): NewNotification[] {
  const { type } = event;
  const full = notificationText(event, task, redact);
  if (!full || !isNotified(type)) return [];
  const { manners } = config;
  const page = config.publicUrl
    ? new URL(`tasks/${task.id}`, withSlash(config.publicUrl)).href
    : null;
  const isDelivered = type === "task.completed" || type === "task.needs_person";
  const done = isDelivered ? task.deliveryUrl : null;
  const asked = readQuestion(event);
  const url = done ?? page;
  const data = {
    task_id: task.id,
    repository: withoutLogin(task.repository),
    subject: task.origin.subject,
    deputy_depth: task.origin.depth ?? 0,
    // What is asked of a part leaves the task as it is, also in the API.
    state: task.state,
    question: asked && {
      ...asked,
      text: redact(asked.text).slice(0, maxWebhookText),
      choices: asked.choices.map(redact),
    },
    title: full.title,
    message: redact(event.message).slice(0, maxWebhookText),
    branch: task.branch,
    url,
  };
  const row = (channel: ChannelName): NewNotification => {
    const text = notificationText(event, task, redact, privacyOf(channel, manners)) ?? full;
    const { body, priority, tags, title } = text;
    return {
      ...{ id: newId("notification"), channel, eventId: event.id, taskId: task.id },
      ...{ title, body, priority, clickUrl: url },
      payload: { tags, type, timestamp: now.toISOString(), data },
    };
  };
  const configured = listChannels(config);
  const told = chooseChannels(configured, { type, priority: full.priority }, manners);
  const rows = told.map(row);
  const { escalate } = manners;
  if (escalate === null || !asked || !isRisky(asked.kind as QuestionKind)) return rows;
  const next = chooseNext(configured, told, escalate.to);
  return next === null ? rows : [...rows, ringAgain(row(next), escalate.afterMs)];
}

/** A push of its own: nobody answered the first one. */
function ringAgain(row: NewNotification, dueInMs: number): NewNotification {
  return {
    ...{ ...row, dueInMs, eventId: `${row.eventId}.again`, title: `Still: ${row.title}` },
    payload: { ...row.payload, again: true },
  };
}

function withoutLogin(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}

const maxWebhookText = 8_000;

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
