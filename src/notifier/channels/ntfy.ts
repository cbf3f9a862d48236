import type { ClaimedNotification } from "../../store/records/notifications.ts";
import type { NotifierConfig } from "../notifier-config.ts";

/**
 * ntfy's "publish as JSON": to the server's root, so that the topic, which is as good as a
 * password, is in no URL. The event's id as sequence id lets a server that knows it replace a
 * message that had to be sent twice.
 */
export function ntfyRequest(
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
