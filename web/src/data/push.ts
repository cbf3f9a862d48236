import { ApiError, read, send } from "./api.ts";
import { orNull } from "./use-draft.ts";

/**
 * Pushes to this browser. What it has and what the daemon knows drift apart: a browser may drop or
 * renew a subscription without a word. So a browser for which pushes were switched on says at each
 * load what it has.
 */
const wanted = "deputy:push";

/** Why there can be none; null: there can. */
export function explainNoPush(): string | null {
  if ("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)
    return Notification.permission === "denied"
      ? "This browser refuses notifications of Deputy: allow them in its settings for this site."
      : null;
  if (/iPhone|iPad/.test(navigator.userAgent))
    return "On an iPhone or iPad, add Deputy to the home screen first (Share, then Add to Home Screen), and open it from there.";
  return isSecureContext
    ? "This browser has no Web Push."
    : "Web Push needs https: set public_url to an https address, and open that.";
}

/** Whether this browser is subscribed now. */
export async function hasPush(): Promise<boolean> {
  if (explainNoPush() !== null || !isWanted()) return false;
  const registration = await navigator.serviceWorker.getRegistration();
  return (await registration?.pushManager.getSubscription()) != null;
}

/** Asks the person, subscribes, and tells the daemon. Returns a sentence. */
export async function switchOn(): Promise<string> {
  if ((await Notification.requestPermission()) !== "granted")
    return "The browser allows no notifications, so nothing was switched on.";
  await subscribe();
  orNull(() => localStorage.setItem(wanted, "on"));
  return "This device gets pushes now.";
}

export async function switchOff(): Promise<string> {
  orNull(() => localStorage.removeItem(wanted));
  const registration = await navigator.serviceWorker.getRegistration();
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
  await send("DELETE", "/v1/push/subscriptions");
  return "This device gets no pushes any more.";
}

/** At each load of the page. */
export async function syncPush(): Promise<void> {
  if (explainNoPush() === null && isWanted() && Notification.permission === "granted")
    await subscribe();
}

const isWanted = (): boolean => orNull(() => localStorage.getItem(wanted)) === "on";

async function subscribe(): Promise<void> {
  await navigator.serviceWorker.register("/sw.js");
  const { pushManager } = await navigator.serviceWorker.ready;
  const { public_key } = await read<{ public_key: string }>("/v1/push/key");
  const key = fromBase64Url(public_key);
  let subscription = await pushManager.getSubscription();
  if (subscription && !isSame(subscription.options.applicationServerKey, key)) {
    await subscription.unsubscribe(); // it was made for another key, which the daemon no longer has
    subscription = null;
  }
  subscription ??= await pushManager
    .subscribe({ userVisibleOnly: true, applicationServerKey: key })
    .catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new ApiError(0, `The push service of this browser took no subscription: ${why}.`);
    });
  const { endpoint, keys } = subscription.toJSON();
  await send("POST", "/v1/push/subscriptions", {
    endpoint,
    keys: { p256dh: keys?.p256dh, auth: keys?.auth },
  });
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function isSame(one: ArrayBuffer | null, other: Uint8Array): boolean {
  const bytes = new Uint8Array(one ?? new ArrayBuffer(0));
  return bytes.length === other.length && bytes.every((byte, index) => byte === other[index]);
}
