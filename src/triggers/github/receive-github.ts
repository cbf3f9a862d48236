import type { ForgeKind } from "../../core/forge/place.ts";
import type { Inbox } from "../inbox.ts";
import { isDeeperThan, maxDepth, parseObject } from "../json-body.ts";
import { nameState } from "../reconcile/name-state.ts";
import { isSignedByGithub } from "./github-signature.ts";

/**
 * Receives GitHub's deliveries: verify the signature over the raw bytes, store the delivery, and
 * respond. Processing happens later, from the inbox: GitHub times out after ten seconds and does
 * not redeliver, so nothing slow or fallible comes before the row is written.
 */
export type GithubDelivery = {
  id: string | undefined;
  event: string | undefined;
  signature: string | undefined;
  rawBody: Buffer;
};

export type Receiving = {
  /** The shared secrets; two during a rotation, none if webhooks are off. */
  secrets: readonly string[];
  insertDelivery: Inbox["insert"];
  /** Whether a poll told of this subject and state since then. */
  isPolled: (about: string, since: Date | null) => Promise<boolean>;
};

export async function receiveDelivery(
  deps: Receiving,
  delivery: GithubDelivery,
): Promise<{ status: number; message: string }> {
  const secrets = deps.secrets.filter((secret) => secret !== "");
  if (secrets.length === 0) {
    return { status: 503, message: "Webhooks are off: set GITHUB_WEBHOOK_SECRET to turn them on." };
  }
  if (!isSignedByGithub(delivery.rawBody, delivery.signature, secrets)) {
    return {
      status: 401,
      message: "The signature in X-Hub-Signature-256 is missing or does not fit the body.",
    };
  }
  const payload = parseObject(delivery.rawBody);
  if (payload === null) {
    return {
      status: 400,
      message:
        "The body is not a JSON object: set the webhook's content type to application/json on GitHub.",
    };
  }
  return keepDelivery(deps, { ...delivery, payload, source: "github" });
}

/** A poll that told of the same as a delivery did so at most so long before it. */
const slackMs = 15 * 60_000;
/** States that a subject may be in again: a label set again, a branch moved back. */
const repeatable: readonly (string | null)[] = ["labeled", "synchronize", "ready_for_review"];

/** Stores what is known to be from a forge, once for each id. `at`: when GitHub sent it; now. */
export async function keepDelivery(
  deps: Pick<Receiving, "insertDelivery" | "isPolled">,
  delivery: Pick<GithubDelivery, "event" | "id"> & {
    payload: Record<string, unknown>;
    source: ForgeKind | "reconcile";
    at?: Date;
  },
): Promise<{ status: number; message: string; isNew?: boolean }> {
  const { at = new Date(), event, id, payload, source } = delivery;
  if (id === undefined || !/^[\w.:-]{1,100}$/.test(id)) {
    return { status: 400, message: "X-GitHub-Delivery is missing or is not a delivery id." };
  }
  if (event === undefined || !/^[a-z_]{1,100}$/.test(event)) {
    return { status: 400, message: "X-GitHub-Event is missing or is not an event name." };
  }
  if (isDeeperThan(payload, maxDepth)) {
    return { status: 400, message: `The body is nested deeper than ${maxDepth} levels.` };
  }
  const action = typeof payload.action === "string" ? payload.action : null;
  if (action !== null && !/^[\w.-]{1,100}$/.test(action)) {
    return { status: 400, message: "The body's action is not the name of one." };
  }
  const about = nameState(event, payload);
  const since = repeatable.includes(action) ? new Date(at.getTime() - slackMs) : null;
  // A poll has compared its own with what is known.
  const isTold = about !== null && !id.startsWith("poll:") && (await deps.isPolled(about, since));
  const isNew =
    !isTold &&
    (await deps.insertDelivery({
      // A UUID is the same in either case, and a proxy may change it.
      deliveryId: id.toLowerCase(),
      ...{ source, event, action, payload, about },
    }));
  const message = isNew ? `Kept ${event} ${id}.` : `Had ${event} ${id} already.`;
  return { status: 202, message, isNew };
}
