import { newId } from "../core/base/id.ts";
import type { NewNotification } from "../core/ledger/task-ledger.ts";
import type { Task } from "../core/task/task.ts";
import type { Redact } from "../core/text/redact.ts";
import type { TitledTask } from "../core/text/title.ts";
import { listChannels } from "./channels/open-channels.ts";
import { type NotifiedEvent, notificationText, readQuestion } from "./notification-text.ts";
import type { NotifierConfig } from "./notifier-config.ts";

/**
 * The rows to write with an event: one per configured channel, none for an event without
 * notification. Addresses and secrets are not in them; they are looked up when sending.
 */
export function notificationRows(
  event: NotifiedEvent & { id: string },
  task: Pick<Task, "id" | "state" | "branch" | "deliveryUrl" | "repository"> &
    TitledTask & { origin: Pick<Task["origin"], "depth"> },
  config: NotifierConfig,
  redact: Redact,
  now: Date = new Date(),
): NewNotification[] {
  const text = notificationText(event, task, redact);
  if (!text) return [];
  const { title, body, priority, tags } = text;
  const page = config.publicUrl
    ? new URL(`tasks/${task.id}`, withSlash(config.publicUrl)).href
    : null;
  const isDelivered = event.type === "task.completed" || event.type === "task.needs_person";
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
    question: asked && { ...asked, text: redact(asked.text).slice(0, maxWebhookText) },
    title,
    message: redact(event.message).slice(0, maxWebhookText),
    branch: task.branch,
    url,
  };
  return listChannels(config).map((channel) => ({
    ...{ id: newId("notification"), channel, eventId: event.id, taskId: task.id },
    ...{ title, body, priority, clickUrl: url },
    payload: { tags, type: event.type, timestamp: now.toISOString(), data },
  }));
}

function withoutLogin(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}

const maxWebhookText = 8_000;

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
