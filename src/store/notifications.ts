import { json } from "./open.ts";
import type { Db, Tx } from "./schema.ts";

/** Notifications: one row per event and channel, written with the event, sent until it is taken. */
export type NewNotification = {
  id: string;
  eventId: string;
  taskId: string;
  channel: string;
  title: string;
  body: string;
  priority: number;
  clickUrl: string | null;
  payload: Record<string, unknown>;
};

export async function insertNotifications(
  tx: Db | Tx,
  rows: readonly NewNotification[],
): Promise<void> {
  await tx
    .insertInto("notifications")
    .values(rows.map((row) => ({ ...row, payload: json(row.payload) })))
    .onConflict((conflict) => conflict.columns(["eventId", "channel"]).doNothing())
    .execute();
}
