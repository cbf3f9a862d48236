import type { Task } from "../../core/task/task.ts";
import type { Tx } from "../../store/database/schema.ts";
import { insertNotifications, type NewNotification } from "../../store/records/notifications.ts";
import { appendEvent, type NewEvent, notifyPushes } from "../../store/tasks/transition.ts";

/**
 * Appends an event and, in the same transaction, its notifications: a message that must reach a
 * person exactly once starts as a row that is written exactly once.
 */
export type Announce = (tx: Tx, task: Task, event: NewEvent) => Promise<string>;

/** The notifications that an event causes; implemented by the notifier, pure. */
export type NotificationRows = (event: NewEvent & { id: string }, task: Task) => NewNotification[];

export function makeAnnounce(notificationRows: NotificationRows): Announce {
  return async (tx, task, event) => {
    const id = await appendEvent(tx, task.id, event);
    const rows = notificationRows({ ...event, id }, task);
    if (rows.length > 0) {
      await insertNotifications(tx, rows);
      notifyPushes(tx);
    }
    return id;
  };
}
