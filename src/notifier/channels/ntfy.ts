import type { ClaimedNotification } from "../../store/pushes/notifications.ts";
import { cardOf } from "../cards/card-of.ts";
import type { NotifierConfig } from "../notifier-config.ts";
import { post } from "../post.ts";
import { rootOf } from "../replies/ask-ntfy.ts";
import type { FindActions, PushActions } from "../replies/push-actions.ts";
import type { Channel } from "./channel.ts";

/**
 * ntfy's "publish as JSON": sent to the server's root, so that the topic, which works like a
 * password, is in no URL of a push. A question's id or else the task's as sequence id lets a server that supports it (from 2.17 on)
 * keep one card of each: a later push, an answer, or one that was sent twice, replaces what the card
 * says, and what was settled elsewhere is taken away. `actions`: the buttons and the
 * page of a push; the phone itself sends what a button stands for to the reply topic.
 */
export type NtfyActions = { find: FindActions; replyTopic: string };

export function ntfyChannel(
  config: NonNullable<NotifierConfig["ntfy"]>,
  actions: NtfyActions | null = null,
): Channel {
  return {
    name: "ntfy",
    send: async (notification, options) => {
      const found = (await actions?.find(notification)) ?? null;
      const { url, ...request } = ntfyRequest(notification, config, found, actions?.replyTopic);
      return post(url, request, options);
    },
    // A press of its own button has replaced the card (replies/take-reply.ts); what others bring has a name in front.
    close: async ({ card, usedMessage }, _, options) =>
      usedMessage && !usedMessage.includes(":")
        ? { kind: "taken" }
        : post(
            `${rootOf(config)}${config.topic}/${card}`,
            { headers: authorizationOf(config) },
            { ...options, method: "DELETE" },
          ),
  };
}

function authorizationOf({ token }: NonNullable<NotifierConfig["ntfy"]>): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

function ntfyRequest(
  notification: ClaimedNotification,
  config: NonNullable<NotifierConfig["ntfy"]>,
  actions: PushActions | null,
  replyTopic = "",
): { url: string; headers: Record<string, string>; body: string } {
  const { title, body, priority, payload } = notification;
  const click = actions?.click ?? notification.clickUrl;
  const buttons = (actions?.buttons ?? []).slice(0, maxButtons).map(({ capability, label }) => ({
    ...{ action: "http", label, url: rootOf(config), method: "POST", clear: true },
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ topic: replyTopic, message: capability }),
  }));
  return {
    url: rootOf(config),
    headers: authorizationOf(config),
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

/** ntfy's own limit. */
const maxButtons = 3;

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
