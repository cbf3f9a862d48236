import { newId } from "../core/base/id.ts";
import type { NewNotification } from "../core/ledger/task-ledger.ts";
import { listChannels } from "./channels/open-channels.ts";
import type { NotifierConfig } from "./notifier-config.ts";

/** What the daemon's operator is told that is not about a task. */
export type OperatorNews = { type: string; title: string; message: string };

/** The rows for it: one per configured channel. */
export function operatorRows(config: NotifierConfig, news: OperatorNews): NewNotification[] {
  const { message, title, type } = news;
  const eventId = newId("event");
  return listChannels(config).map((channel) => ({
    ...{ id: newId("notification"), channel, eventId, taskId: "" },
    ...{ title, body: message, priority: 4, clickUrl: null },
    payload: {
      ...{ tags: ["warning"], type, timestamp: new Date().toISOString() },
      data: { task_id: null, title, message },
    },
  }));
}
