import { isSignedByGithub } from "./github-signature.ts";
import type { Inbox } from "./inbox.ts";

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
  const { id, event } = delivery;
  if (id === undefined || !/^[\w.:-]{1,100}$/.test(id)) {
    return { status: 400, message: "X-GitHub-Delivery is missing or is not a delivery id." };
  }
  if (event === undefined || !/^[a-z_]{1,100}$/.test(event)) {
    return { status: 400, message: "X-GitHub-Event is missing or is not an event name." };
  }
  const payload = parseObject(delivery.rawBody);
  if (payload === null) {
    return {
      status: 400,
      message:
        "The body is not a JSON object: set the webhook's content type to application/json on GitHub.",
    };
  }
  const action = typeof payload.action === "string" ? payload.action.slice(0, 100) : null;
  const isNew = await deps.insertDelivery({
    deliveryId: id,
    source: "github",
    event,
    action,
    payload,
  });
  return { status: 202, message: isNew ? `Kept ${event} ${id}.` : `Had ${event} ${id} already.` };
}

function parseObject(bytes: Buffer): Record<string, unknown> | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null; // not UTF-8 or not JSON: the caller responds 400
  }
}
