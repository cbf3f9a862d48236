import type { NewEvent, NewNotification, TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { Task } from "../../core/task/task.ts";

/**
 * Appends an event and, in the same transaction, its notifications: a message that must reach a
 * person exactly once starts as a row that is written exactly once.
 */
export type Announce = (ledger: TaskLedger, task: Task, event: NewEvent) => Promise<string>;

/** The notifications that an event causes; implemented by the notifier, pure. */
export type NotificationRows = (event: NewEvent & { id: string }, task: Task) => NewNotification[];

export function makeAnnounce(notificationRows: NotificationRows): Announce {
  return async (ledger, task, event) => {
    const id = await ledger.appendEvent(task.id, event);
    const rows = notificationRows({ ...event, id }, task);
    if (rows.length > 0) {
      await ledger.insertNotifications(rows);
      ledger.notifyPushes();
    }
    return id;
  };
}
