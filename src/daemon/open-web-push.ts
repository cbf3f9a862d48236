import { createECDH } from "node:crypto";
import type { Config } from "../config/config.ts";
import { assertPushEndpoint, assertPushKeys } from "../core/attention/push-endpoint.ts";
import { DeputyError } from "../core/base/error.ts";
import type { Redact } from "../core/text/redact.ts";
import type { PushService } from "../http/service.ts";
import type { WebPushDeps } from "../notifier/channels/web-push.ts";
import { privacyOf } from "../notifier/manners/choose-channels.ts";
import { makeFindActions } from "../notifier/replies/push-actions.ts";
import type { ReplySecrets } from "../notifier/replies/reply-secrets.ts";
import type { Db } from "../store/database/schema.ts";
import {
  deleteSubscription,
  listFailing,
  putSubscription,
} from "../store/pushes/push-subscriptions.ts";
import { keepSecret } from "./home/prepare-home.ts";

const curve = "prime256v1";

/**
 * What Web Push needs: the daemon's key, made once and kept where only its owner reads it, because each
 * browser asks its service to take pushes of this key alone. Null: it is not configured.
 */
export async function openWebPush(
  { notifier, paths }: Config,
  db: Db,
  secrets: ReplySecrets,
  redact: Redact,
): Promise<WebPushDeps | null> {
  const { publicUrl, webPush } = notifier;
  if (!webPush) return null;
  const privateKey = await keepSecret(paths.webPushKey, makeKey);
  const pair = createECDH(curve);
  try {
    pair.setPrivateKey(privateKey, "base64url");
  } catch {
    throw new DeputyError(
      "invalid_input",
      `${paths.webPushKey} holds no key; delete it, and browsers subscribe anew when the page is opened.`,
    );
  }
  // Its notifications have no buttons: a tap opens the page.
  const mayPress = async () => false;
  return {
    db,
    keys: { privateKey, publicKey: pair.getPublicKey("base64url") },
    findActions: makeFindActions({
      ...{ db, secrets, redact, publicUrl, mayPress },
      privacy: privacyOf("web_push", notifier.manners),
    }),
  };
}

function makeKey(): string {
  const pair = createECDH(curve);
  pair.generateKeys();
  return Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()])
    .subarray(-32)
    .toString("base64url");
}

/** A browser's subscription, for the page. */
export function makePushService(
  db: Db,
  hosts: readonly string[],
  deps: WebPushDeps | null,
): PushService {
  const ready = (): WebPushDeps => {
    if (deps) return deps;
    throw new DeputyError(
      "conflict",
      "Web Push is not set up: set public_url to the https address of this daemon, or DEPUTY_WEB_PUSH_SUBJECT to a mailto: address of yours, and restart it.",
    );
  };
  return {
    pushKey: () => ready().keys.publicKey,
    subscribe: async (deviceId, subscription) => {
      ready();
      assertPushEndpoint(subscription.endpoint, hosts);
      assertPushKeys(subscription);
      await putSubscription(db, deviceId, subscription);
    },
    unsubscribe: (deviceId) => deleteSubscription(db, deviceId),
  };
}

/** Browsers that take no push any more, in sentences. */
export async function findPushProblems(db: Db): Promise<string[]> {
  return (await listFailing(db)).map(
    ({ device, lastError }) =>
      `pushes to ${device} fail by Web Push (${lastError}): open the page there and switch them off and on`,
  );
}
