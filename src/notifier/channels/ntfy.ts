import type { ClaimedNotification } from "../../store/pushes/notifications.ts";
import type { NotifierConfig } from "../notifier-config.ts";
import { post } from "../post.ts";
import { cardOf, rootOf } from "../replies/ask-ntfy.ts";
import type { FindActions, PushActions } from "../replies/push-actions.ts";
import type { Channel } from "./channel.ts";

/**
 * ntfy's "publish as JSON": sent to the server's root, so that the topic, which works like a
 * password, is in no URL. The task's id as sequence id lets a server that supports it (from 2.17 on)
 * keep one card per task: a later push, an answer, or one that was sent twice, replaces what the card
 * says. `findActions`: the buttons and the page of a push.
 */
export function ntfyChannel(
  config: NonNullable<NotifierConfig["ntfy"]>,
  findActions: FindActions = async () => null,
): Channel {
  return {
    name: "ntfy",
    send: async (notification, options) => {
      const { url, ...request } = ntfyRequest(
        notification,
        config,
        await findActions(notification),
      );
      return post(url, request, options);
    },
  };
}

function ntfyRequest(
  notification: ClaimedNotification,
  config: NonNullable<NotifierConfig["ntfy"]>,
  actions: PushActions | null,
): { url: string; headers: Record<string, string>; body: string } {
  const { title, body, priority, payload } = notification;
  const click = actions?.click ?? notification.clickUrl;
  const buttons = actions?.buttons ?? [];
  return {
    url: rootOf(config),
    headers: config.token === null ? {} : { authorization: `Bearer ${config.token}` },
    body: cutToFit(body, (message) =>
      JSON.stringify({
        topic: config.topic,
        title,
        message,
        priority,
        tags: payload.tags,
        sequence_id: cardOf(notification),
        ...(click === null ? {} : { click }),
        ...(buttons.length === 0 ? {} : { actions: buttons }),
      }),
    ),
  };
}

/** What ntfy and the push services behind it carry. */
const maxBytes = 4_096;

/** With the text cut until everything fits. */
function cutToFit(text: string, write: (text: string) => string): string {
  const characters = [...text];
  for (let length = characters.length; ; length = Math.floor(length * 0.9)) {
    const cut = length === characters.length ? text : `${characters.slice(0, length).join("")}…`;
    const written = write(cut);
    if (Buffer.byteLength(written) <= maxBytes || length === 0) return written;
  }
}
