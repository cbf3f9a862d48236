import type { Manners } from "../core/settings/notify-settings.ts";
import type { Redact } from "../core/text/redact.ts";
import { checkRow, GarbledRow } from "../store/database/garbled.ts";
import { waitOut } from "../store/database/outage.ts";
import type { Db } from "../store/database/schema.ts";
import {
  type ClaimedNotification,
  claimDueNotifications,
  type DueNotification,
  deferNotification,
  markNotificationFailed,
  markNotificationSent,
  releaseNotification,
} from "../store/pushes/notifications.ts";
import { closeCards } from "./cards/close-cards.ts";
import { sendCard } from "./cards/send-card.ts";
import type { Channel, SendOptions } from "./channels/channel.ts";
import { decidePush } from "./manners/decide-push.ts";
import { gatherDigest } from "./manners/gather-digest.ts";
import type { PostResult } from "./post.ts";
import { retryDelayMs } from "./retry-delay.ts";

/**
 * Sends due notifications. A row is claimed for longer than a send can take, so two processes never
 * send the same one; it is marked only after the receiver accepted it. If a process dies in
 * between, it is sent again, and the receiver recognises the event's id. What is not to ring now is put
 * off, dropped, or gathered into a digest (manners/decide-push.ts): the row says until when.
 */
export type NotifierDeps = {
  db: Db;
  channels: readonly Channel[];
  manners: Manners;
  redact: Redact;
  log: (level: "info" | "warn" | "error", fields: object, message: string) => void;
  /** Stops sends in progress; those without a response are released. */
  signal?: AbortSignal;
  /** Milliseconds to wait for the receiver. */
  timeoutMs?: number;
};

const batch = 20;
const never = new AbortController().signal;

/** Returns how many notifications were accepted. */
export async function deliverDueNotifications(deps: NotifierDeps): Promise<number> {
  const timeoutMs = deps.timeoutMs ?? 15_000;
  let sent = 0;
  while (!deps.signal?.aborted) {
    const due = await claimDueNotifications(deps.db, { limit: batch, leaseMs: timeoutMs + 45_000 });
    const toSend = await arrange(deps, due);
    const results = await Promise.all(toSend.rows.map((row) => deliverOne(deps, row, timeoutMs)));
    sent += results.filter(Boolean).length;
    if (due.length < batch && !toSend.again) break;
  }
  await closeCards(deps, { timeoutMs, signal: deps.signal ?? never });
  return sent;
}

/** Does with the due rows what manners say but sending. `again`: that made others due. */
async function arrange(
  deps: NotifierDeps,
  due: readonly DueNotification[],
): Promise<{ rows: DueNotification[]; again: boolean }> {
  const { db, log, manners } = deps;
  const rows: DueNotification[] = [];
  const quietIsOver = new Set<string>();
  for (const row of due) {
    const about = { ...row, isAgain: row.payload?.again === true }; // unreadable rows have none
    const decision = decidePush(about, manners, row.now);
    const ids = { notification: row.id, task: row.taskId, channel: row.channel };
    switch (decision.do) {
      case "send":
        rows.push(row);
        break;
      case "drop":
        await markNotificationFailed(db, row.id, { error: decision.why, delayMs: null });
        log("info", { ...ids, why: decision.why }, "did not send a notification");
        break;
      case "wait":
        await deferNotification(db, row.id, { until: decision.until, heldFrom: null });
        break;
      case "hold":
        await deferNotification(db, row.id, { until: decision.until, heldFrom: decision.from });
        break;
      case "digest":
        quietIsOver.add(row.channel);
    }
  }
  for (const channel of quietIsOver) await gatherDigest(db, channel);
  return { rows, again: quietIsOver.size > 0 };
}

async function deliverOne(
  deps: NotifierDeps,
  row: ClaimedNotification,
  timeoutMs: number,
): Promise<boolean> {
  const ids = { notification: row.id, event: row.eventId, task: row.taskId, channel: row.channel };
  const options = { timeoutMs, signal: deps.signal ?? never };
  const result = await sendReadable(row, deps.channels, options, deps.db);
  switch (result.kind) {
    case "taken":
      // Where the database is away just now, a second push would not be better than waiting for it.
      await waitOut(() => markNotificationSent(deps.db, row.id), deps.signal);
      deps.log("info", ids, "sent notification");
      return true;
    case "nobody":
      await markNotificationFailed(deps.db, row.id, { error: result.why, delayMs: null });
      deps.log("info", { ...ids, why: result.why }, "did not send a notification");
      return false;
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

/** An unreadable row counts as refused and does not hold up the others. */
async function sendReadable(...about: Parameters<typeof send>): Promise<PostResult> {
  try {
    checkRow("notifications", about[0].id, about[0]);
    return await send(...about);
  } catch (error) {
    if (!(error instanceof GarbledRow)) throw error;
    return { kind: "refused", hope: "unlikely", error: error.message, retryAfterMs: null };
  }
}

/** Sends one notification now and returns the result. `db`: where it is kept what is shown; null: it is not. */
export async function send(
  row: ClaimedNotification,
  channels: readonly Channel[],
  options: SendOptions,
  db: Db | null = null,
): Promise<PostResult> {
  const channel = channels.find(({ name }) => name === row.channel);
  if (channel) return db ? sendCard(db, channel, row, options) : channel.send(row, options);
  const error = `the channel ${row.channel} is not configured any more`;
  return { kind: "refused", hope: "unlikely", error, retryAfterMs: null };
}
