import { Webhook } from "standardwebhooks";
import type { ClaimedNotification } from "../../store/records/notifications.ts";
import type { NotifierConfig } from "../notifier-config.ts";

/**
 * A webhook after the Standard Webhooks convention: `webhook-id` is the event's id, the same each
 * time it is sent, so a receiver knows a repeated one; the signature is over id, time and body.
 */
export function webhookRequest(
  notification: ClaimedNotification,
  config: NonNullable<NotifierConfig["webhook"]>,
  now: Date,
): { url: string; headers: Record<string, string>; body: string } {
  const body = JSON.stringify(notification.payload);
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

/** `whsec_…` or bare base64, as every receiver's library takes it; anything else by its bytes. */
function makeSigner(secret: string): Webhook {
  try {
    return new Webhook(secret);
  } catch {
    return new Webhook(Buffer.from(secret, "utf8"), { format: "raw" });
  }
}
