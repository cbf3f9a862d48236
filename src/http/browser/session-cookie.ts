import type { IncomingHttpHeaders } from "node:http";
import { sessionDays } from "../../core/attention/device.ts";
import { DeputyError } from "../../core/base/error.ts";
import { isLoopback, normalizeHost } from "../guard.ts";

/**
 * The one cookie of a paired device. Over https it is `__Host-deputy`, which no other host and no plain
 * http can set; on this machine `deputy`, because a browser takes no Secure cookie from plain http
 * everywhere. TLS ends in a proxy, so whether a browser came by https is told by the name it asked for.
 */
const secureName = "__Host-deputy";
const plainName = "deputy";

/** `isSecure`: of the cookie that is only sent by https. */
export type SentSession = { session: string; isSecure: boolean };

/** The session that a browser sent; null: none. */
export function readSession({ cookie = "" }: IncomingHttpHeaders): SentSession | null {
  const find = (isSecure: boolean) => {
    const name = isSecure ? secureName : plainName;
    const [, session] = new RegExp(`(?:^|;\\s*)${name}=([\\w-]{43})(?:;|$)`).exec(cookie) ?? [];
    return session === undefined ? null : { session, isSecure };
  };
  return find(true) ?? find(false);
}

/** The header that gives a browser its session, or moves its last day; `session` null ends it. */
export function writeSession(session: string | null, isSecure: boolean): string {
  return [
    `${isSecure ? secureName : plainName}=${session ?? ""}`,
    ...["Path=/", "HttpOnly", "SameSite=Strict"],
    `Max-Age=${session === null ? 0 : sessionDays * 24 * 60 * 60}`,
    ...(isSecure ? ["Secure"] : []),
  ].join("; ");
}

/**
 * Whether the browser that posts this came by https. Throws forbidden where a session would go through
 * a network unprotected, unless the owner chose a public URL of plain http.
 */
export function requireSafePlace(
  { host = "", origin }: IncomingHttpHeaders,
  publicUrl: string | null,
): boolean {
  const own = publicUrl === null ? null : new URL(publicUrl);
  const name = normalizeHost(host);
  // A proxy may put a name of its own into Host, but not into Origin.
  if (own && (origin === own.origin || name === normalizeHost(own.host)))
    return own.protocol === "https:";
  if (isLoopback(name)) return false;
  throw new DeputyError(
    "forbidden",
    `Nobody signs in at ${JSON.stringify(name.slice(0, 100))}: a session needs https. Set public_url to the https address, or use http://127.0.0.1 on the daemon's machine.`,
  );
}

/**
 * Throws forbidden unless a page of ours made the request. Browsers say from which site a request
 * comes; an old one, and one that came by plain http, says at least the origin of what may change
 * something. The header of our own is what no form and no link of another site can send.
 */
export function assertOwnPage(
  method: string,
  headers: IncomingHttpHeaders,
  publicUrl: string | null,
): void {
  const { origin, "sec-fetch-site": site, "x-deputy": own } = headers;
  const isChange = changes(method);
  const isOurs = isChange ? ["same-origin"] : ["same-origin", "none"];
  const refuse = (sentence: string) => new DeputyError("forbidden", sentence);
  if (site !== undefined && !isOurs.includes(String(site)))
    throw refuse("Requests that another web site makes are refused.");
  if (!isChange) return;
  if (origin === undefined ? site === undefined : !isOwnOrigin(origin, headers.host, publicUrl))
    throw refuse("Requests that another web site makes are refused.");
  if (own !== "1")
    throw refuse("A browser's change needs the header x-deputy: 1, which Deputy's page sends.");
}

/** Whether requests of this method may change something. */
export function changes(method: string): boolean {
  return method !== "GET" && method !== "HEAD";
}

function isOwnOrigin(origin: string, host: string | undefined, publicUrl: string | null): boolean {
  if (!URL.canParse(origin)) return false; // "null": a sandboxed frame
  const own = publicUrl === null ? null : new URL(publicUrl).origin;
  if (origin === own) return true;
  const { host: there, protocol } = new URL(origin);
  // In the same words: without the port that the protocol implies.
  const here = `${protocol}//${host ?? ""}`;
  return URL.canParse(here) && new URL(here).host === there;
}
