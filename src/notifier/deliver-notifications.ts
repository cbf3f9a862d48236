import type { Redact } from "../core/text/redact.ts";
import { checkRow, GarbledRow } from "../store/database/garbled.ts";
import type { Db } from "../store/database/schema.ts";
import {
  type ClaimedNotification,
  claimDueNotifications,
  markNotificationFailed,
  markNotificationSent,
  releaseNotification,
} from "../store/records/notifications.ts";
import { ntfyRequest } from "./channels/ntfy.ts";
import { webhookRequest } from "./channels/webhook.ts";
import type { NotifierConfig } from "./notifier-config.ts";
import { type PostResult, post } from "./post.ts";
import { retryDelayMs } from "./retry-delay.ts";

/**
 * Sends what is due. A row is claimed for longer than a send can take, so two processes never send
 * the same one; it is marked only after the other side took it. A process that dies between the
 * two sends again: the receiver recognises the event's id.
 */
export type NotifierDeps = {
  db: Db;
  config: NotifierConfig;
  redact: Redact;
  log: (level: "info" | "warn" | "error", fields: object, message: string) => void;
  /** Stops what is under way; what has no answer yet is given back. */
  signal?: AbortSignal;
  /** How long the other side may take. */
  timeoutMs?: number;
};

const batch = 20;
const never = new AbortController().signal;

/** Returns how many the other side took. */
export async function deliverDueNotifications(deps: NotifierDeps): Promise<number> {
  const timeoutMs = deps.timeoutMs ?? 15_000;
  let sent = 0;
  while (!deps.signal?.aborted) {
    const due = await claimDueNotifications(deps.db, { limit: batch, leaseMs: timeoutMs + 45_000 });
    const results = await Promise.all(due.map((row) => deliverOne(deps, row, timeoutMs)));
    sent += results.filter(Boolean).length;
    if (due.length < batch) break;
  }
  return sent;
}

async function deliverOne(
  deps: NotifierDeps,
  row: ClaimedNotification,
  timeoutMs: number,
): Promise<boolean> {
  const ids = { notification: row.id, event: row.eventId, task: row.taskId, channel: row.channel };
  const result = await sendReadable(row, deps.config, timeoutMs, deps.signal ?? never);
  switch (result.kind) {
    case "taken":
      await markNotificationSent(deps.db, row.id);
      deps.log("info", ids, "sent notification");
      return true;
    case "aborted":
      await releaseNotification(deps.db, row.id);
      return false;
    case "refused": {
      const error = deps.redact(result.error);
      const delayMs = retryDelayMs(result, row.attempts, row.ageMs);
      await markNotificationFailed(deps.db, row.id, { error, delayMs });
      const next = delayMs === null ? "given up" : `again in ${Math.round(delayMs / 1000)} s`;
      const level = result.hope === "unlikely" || delayMs === null ? "error" : "warn";
      deps.log(level, { ...ids, attempts: row.attempts, error }, `notification not taken, ${next}`);
      return false;
    }
  }
}

/** A row that cannot be read is refused by us, and keeps none of the others. */
async function sendReadable(...about: Parameters<typeof send>): Promise<PostResult> {
  try {
    checkRow("notifications", about[0].id, about[0]);
    return await send(...about);
  } catch (error) {
    if (!(error instanceof GarbledRow)) throw error;
    return { kind: "refused", hope: "unlikely", error: error.message, retryAfterMs: null };
  }
}

/** Send one now, whatever becomes of it. */
export async function send(
  row: ClaimedNotification,
  config: NotifierConfig,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<PostResult> {
  const request =
    row.channel === "ntfy" && config.ntfy
      ? ntfyRequest(row, config.ntfy)
      : row.channel === "webhook" && config.webhook
        ? webhookRequest(row, config.webhook, new Date())
        : null;
  if (request === null) {
    const error = `the channel ${row.channel} is not configured any more`;
    return { kind: "refused", hope: "unlikely", error, retryAfterMs: null };
  }
  return post(request.url, request, { timeoutMs, signal });
}
