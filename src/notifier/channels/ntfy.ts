import type { ClaimedNotification } from "../../store/records/notifications.ts";
import type { NotifierConfig } from "../notifier-config.ts";
import { post } from "../post.ts";
import type { Channel } from "./channel.ts";

/**
 * ntfy's "publish as JSON": sent to the server's root, so that the topic, which works like a
 * password, is in no URL. The event's id as sequence id lets a server that supports it replace a
 * message that was sent twice.
 */
export function ntfyChannel(config: NonNullable<NotifierConfig["ntfy"]>): Channel {
  return {
    name: "ntfy",
    send: (notification, options) => {
      const { url, ...request } = ntfyRequest(notification, config);
      return post(url, request, options);
    },
  };
}

function ntfyRequest(
  notification: ClaimedNotification,
  config: NonNullable<NotifierConfig["ntfy"]>,
): { url: string; headers: Record<string, string>; body: string } {
  const { title, body, priority, clickUrl, payload, eventId } = notification;
  return {
    url: config.url,
    headers: config.token === null ? {} : { authorization: `Bearer ${config.token}` },
    body: JSON.stringify({
      topic: config.topic,
      title,
      message: body,
      priority,
      tags: payload.tags,
      sequence_id: eventId,
      ...(clickUrl === null ? {} : { click: clickUrl }),
    }),
  };
}
