import { Webhook } from "standardwebhooks";
import type { ClaimedNotification } from "../../store/pushes/notifications.ts";
import type { NotifierConfig } from "../notifier-config.ts";
import { post } from "../post.ts";
import type { Channel } from "./channel.ts";

/**
 * A webhook by the Standard Webhooks convention: `webhook-id` is the event's id, the same each time
 * it is sent, so that a receiver recognises a repetition; the signature covers id, time and body.
 */
export function webhookChannel(config: NonNullable<NotifierConfig["webhook"]>): Channel {
  return {
    name: "webhook",
    send: (notification, options) => {
      const { url, ...request } = webhookRequest(notification, config, new Date());
      return post(url, request, options);
    },
  };
}

function webhookRequest(
  notification: ClaimedNotification,
  config: NonNullable<NotifierConfig["webhook"]>,
  now: Date,
): { url: string; headers: Record<string, string>; body: string } {
  const { type, timestamp, data } = notification.payload;
  const body = JSON.stringify({ type, timestamp, data });
  return {
    url: config.url,
    headers: {
      "webhook-id": notification.eventId,
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": makeSigner(config.secret).sign(notification.eventId, now, body),
    },
    body,
  };
}

/**
 * Accepts `whsec_…` or bare base64, as receivers' libraries do; any other secret is used as raw
 * bytes.
 */
function makeSigner(secret: string): Webhook {
  try {
    return new Webhook(secret);
  } catch {
    return new Webhook(Buffer.from(secret, "utf8"), { format: "raw" });
  }
}
