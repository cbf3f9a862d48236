import { newId } from "../core/base/id.ts";
import type { NewNotification } from "../core/ledger/task-ledger.ts";
import type { NotifierConfig } from "./notifier-config.ts";

/** What the daemon's operator is told that is not about a task. */
export type OperatorNews = { type: string; title: string; message: string };

/** The rows for it: one per configured channel. */
export function operatorRows(config: NotifierConfig, news: OperatorNews): NewNotification[] {
  const { message, title, type } = news;
  const data = { task_id: null, title, message };
  const common = {
    ...{ eventId: newId("event"), taskId: "", title, body: message },
    ...{ priority: 4, clickUrl: null },
  };
  const rows: NewNotification[] = [];
  if (config.ntfy)
    rows.push({
      ...{ ...common, id: newId("notification") },
      ...{ channel: "ntfy", payload: { tags: ["warning"] } },
    });
  if (config.webhook)
    rows.push({
      ...{ ...common, id: newId("notification") },
      ...{ channel: "webhook", payload: { type, timestamp: new Date().toISOString(), data } },
    });
  return rows;
}
