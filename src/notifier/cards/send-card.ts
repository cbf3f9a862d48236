import type { Db } from "../../store/database/schema.ts";
import { findCard, putCard } from "../../store/pushes/cards.ts";
import type { ClaimedNotification } from "../../store/pushes/notifications.ts";
import type { Channel, SendOptions } from "../channels/channel.ts";
import type { PostResult } from "../post.ts";
import { cardOf } from "./card-of.ts";

/**
 * Sends a push on a channel that can change what it has shown. The earlier message of the same card is
 * changed to say that there is a newer one: so one message of a card can be pressed, and the phone rings.
 */
export async function sendCard(
  db: Db,
  channel: Channel,
  row: ClaimedNotification,
  options: SendOptions,
): Promise<PostResult> {
  if (!channel.close) return channel.send(row, options);
  const card = cardOf(row);
  const before = await findCard(db, channel.name, card);
  const result = await channel.send(row, options);
  if (result.kind !== "taken") return result;
  const { eventId, taskId, title } = row;
  const message = result.message ?? null;
  await putCard(db, { channel: channel.name, card, eventId, taskId, message, title });
  if (before?.message && before.message !== message)
    await channel.close(before, "A newer message says more", options);
  return result;
}
