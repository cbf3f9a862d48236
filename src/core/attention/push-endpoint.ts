import { createECDH } from "node:crypto";
import { DeputyError } from "../base/error.ts";

/**
 * Where a browser takes its pushes: an address of the browser's maker, and keys. The browser brings both,
 * and the daemon posts there, so an address is taken only where the makers' services are: anything else
 * could make the daemon ask servers of its own network.
 */
export type PushSubscription = { endpoint: string; p256dh: string; auth: string };

/** Hosts of Apple, Google, Mozilla and Microsoft; `*.`: those below it. */
const services = [
  ...["web.push.apple.com", "*.push.apple.com", "fcm.googleapis.com"],
  ...["updates.push.services.mozilla.com", "*.push.services.mozilla.com", "*.notify.windows.com"],
];

/** Throws invalid_input unless pushes may go there. `more`: hosts that the owner allows as well. */
export function assertPushEndpoint(endpoint: string, more: readonly string[]): void {
  const refuse = (sentence: string) =>
    new DeputyError("invalid_input", sentence, { field: "endpoint" });
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (!url || url.username + url.password !== "" || !/^https?:$/.test(url.protocol))
    throw refuse("The endpoint is no address of a push service.");
  const isOwn = more.includes(url.host);
  const isHere = /^(?:localhost|127\.\d+\.\d+\.\d+)$/.test(url.hostname);
  const isSafe = url.protocol === "https:" || (isOwn && isHere);
  const isKnown = url.port === "" && services.some((service) => matches(url.hostname, service));
  if (isSafe && (isOwn || isKnown)) return;
  throw refuse(
    `Pushes go to the services of Apple, Google, Mozilla and Microsoft alone, not to ${url.host.slice(0, 100)}; web_push: hosts in config.yaml allows more.`,
  );
}

function matches(host: string, service: string): boolean {
  return service.startsWith("*.") ? host.endsWith(service.slice(1)) : host === service;
}

/** Throws invalid_input unless a push can be encrypted for these keys. */
export function assertPushKeys({ auth, p256dh }: Omit<PushSubscription, "endpoint">): void {
  const point = Buffer.from(p256dh, "base64url");
  const own = createECDH("prime256v1");
  own.generateKeys();
  try {
    if (Buffer.from(auth, "base64url").length !== 16 || point.length !== 65) throw new Error();
    own.computeSecret(point); // it refuses what is not on the curve
  } catch {
    throw new DeputyError("invalid_input", "The keys are not those of a push subscription.", {
      field: "keys",
    });
  }
}
