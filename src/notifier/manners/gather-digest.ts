import { newId } from "../../core/base/id.ts";
import type { Db } from "../../store/database/schema.ts";
import { inTransaction } from "../../store/database/transaction.ts";
import { insertNotifications } from "../../store/pushes/notifications.ts";
import { closeHeld, readSpentSince } from "../../store/records/held-notifications.ts";
import { digestText } from "./digest-text.ts";

/**
 * Writes one digest in place of all pushes of a channel that were held. They are closed and it is written
 * in one transaction, so a process that dies leaves either them or it, and of two at once one finds none.
 */
export async function gatherDigest(db: Db, channel: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const held = await closeHeld(tx, channel);
    const since = held.map(({ heldFrom }) => heldFrom).sort((a, b) => a.getTime() - b.getTime())[0];
    if (since === undefined) return;
    const spentUsd = await readSpentSince(tx, since);
    const text = digestText(
      held.filter(({ isOpen }) => isOpen),
      spentUsd,
    );
    if (text === null) return;
    const eventId = newId("event");
    await insertNotifications(tx, [
      {
        ...{ id: newId("notification"), channel, eventId, taskId: "", clickUrl: null, ...text },
        payload: {
          tags: ["sunrise"],
          type: "digest",
          timestamp: new Date().toISOString(),
          data: {},
        },
      },
    ]);
  });
}
