import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { pageDays } from "../../core/attention/ask.ts";
import { assertPushEndpoint } from "../../core/attention/push-endpoint.ts";
import type { Db } from "../../store/database/schema.ts";
import type { ClaimedNotification } from "../../store/pushes/notifications.ts";
import {
  failuresToTell,
  listSubscriptions,
  noteRefused,
  noteTaken,
  pruneSubscription,
  type StoredSubscription,
} from "../../store/pushes/push-subscriptions.ts";
import { cardOf } from "../cards/card-of.ts";
import type { NotifierConfig } from "../notifier-config.ts";
import { type PostResult, post } from "../post.ts";
import type { FindActions } from "../replies/push-actions.ts";
import type { Channel, SendOptions } from "./channel.ts";

/**
 * Web Push: to each browser that asked for it, by the service of its maker, which cannot read it. One
 * notification goes to several browsers, and each has its own fate: what one took is not sent to it
 * again when another refused; one that is gone is forgotten; one that refuses again and again holds up
 * no push. The payload is what Safari shows without a worker; the worker of the page reads the same.
 */
export type WebPushDeps = {
  db: Db;
  keys: VapidKeys;
  findActions: FindActions;
};

/** By which a push service knows this daemon. */
export type VapidKeys = { publicKey: string; privateKey: string };

export function webPushChannel(
  config: NonNullable<NotifierConfig["webPush"]>,
  publicUrl: string | null,
  { db, findActions, keys }: WebPushDeps,
): Channel {
  /** Who took a notification that others did not take yet. */
  const taken = new LRUCache<string, Set<string>>({ max: 500 });

  const sendOne = async (
    to: StoredSubscription,
    push: Push,
    options: SendOptions,
  ): Promise<PostResult> => {
    const { default: webPush } = await import("web-push"); // most daemons send none
    assertPushEndpoint(to.endpoint, config.hosts); // the settings may have changed since
    const { body, headers } = webPush.generateRequestDetails(
      { endpoint: to.endpoint, keys: { auth: to.auth, p256dh: to.p256dh } },
      push.payload,
      {
        ...{ TTL: push.ttlS, urgency: push.urgency, topic: push.topic },
        ...{ contentEncoding: "aes128gcm", vapidDetails: { subject: config.subject, ...keys } },
      },
    );
    const own = Object.entries(headers)
      .map(([name, value]): [string, string] => [name.toLowerCase(), String(value)])
      .filter(([name]) => name !== "content-length");
    const request = { headers: Object.fromEntries(own), body: new Uint8Array(body ?? []) };
    return post(to.endpoint, request, options);
  };

  return {
    name: "web_push",
    send: async (notification, options) => {
      const all = await listSubscriptions(db);
      const done = taken.get(notification.id) ?? new Set();
      const push = await writePush(notification, publicUrl, findActions);
      const open = all.filter(({ id }) => !done.has(id));
      const results = await Promise.all(
        open.map(async (to) => {
          const result = await sendOne(to, push, options).catch(explainThrown);
          return { result, holdsUp: await note(db, to, result) };
        }),
      );
      for (const [index, { result }] of results.entries())
        if (result.kind === "taken") done.add(open[index]?.id ?? "");
      const waits = results.find(({ holdsUp }) => holdsUp)?.result;
      if (waits) {
        taken.set(notification.id, done);
        return waits;
      }
      taken.delete(notification.id);
      if (done.size > 0) return { kind: "taken" };
      const refused = results.find(({ result }) => result.kind === "refused" && !isGone(result));
      return refused?.result ?? { kind: "nobody", why: "no browser gets pushes by Web Push" };
    },
  };
}

/** Writes down what became of it. Whether the notification has to wait for this browser. */
async function note(db: Db, to: StoredSubscription, result: PostResult): Promise<boolean> {
  if (result.kind === "aborted") return true;
  if (result.kind === "taken") await noteTaken(db, to.id);
  if (result.kind !== "refused") return false;
  if (isGone(result)) {
    await pruneSubscription(db, to.id);
    return false;
  }
  return (await noteRefused(db, to.id, result.error)) < failuresToTell;
}

/** As RFC 8030 has it: the browser unsubscribed, or was removed. */
function isGone(result: PostResult): boolean {
  return result.kind === "refused" && (result.status === 404 || result.status === 410);
}

function explainThrown(error: unknown): PostResult {
  const { message } = error as Error;
  return { kind: "refused", hope: "unlikely", error: message, retryAfterMs: null };
}

type Push = {
  payload: string;
  urgency: "high" | "normal" | "low";
  ttlS: number;
  /** One that was not delivered yet is replaced by the next of the same topic. */
  topic: string;
};

async function writePush(
  notification: ClaimedNotification,
  publicUrl: string | null,
  findActions: FindActions,
): Promise<Push> {
  const { body, payload, priority, taskId, title } = notification;
  const actions = await findActions(notification);
  const path = taskId === "" ? "" : `tasks/${taskId}`;
  const page = publicUrl === null ? `/${path}` : `${publicUrl.replace(/\/*$/, "")}/${path}`;
  const card = cardOf(notification);
  const days = payload.type === "question.asked" ? pageDays : 1;
  return {
    payload: JSON.stringify({
      web_push: 8030, // Declarative Web Push
      notification: {
        ...{ title, body: cut(body), navigate: actions?.click ?? page, tag: card },
        ...(priority <= 2 ? { silent: true } : {}),
      },
    }),
    urgency: priority >= 4 ? "high" : priority <= 2 ? "low" : "normal",
    ttlS: days * 24 * 60 * 60,
    topic: createHash("sha256").update(card).digest("base64url").slice(0, 32),
  };
}

/** Services carry 4,096 bytes with everything around it, and JSON may double what it quotes. */
function cut(text: string): string {
  const most = 1_400;
  if (Buffer.byteLength(text) <= most) return text;
  const start = Buffer.from(text).subarray(0, most);
  return `${new TextDecoder().decode(start, { stream: true })}…`;
}
