import { hash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from "fastify";
import { DeputyError } from "../core/base/error.ts";
import { isPagePath } from "./browser/page-paths.ts";
import { makeProblem, sendProblem } from "./problem.ts";

/**
 * Who may use the daemon. Three gates, cheapest first: the Host must be one of ours (a web page
 * that rebinds its name to 127.0.0.1 sends its own name), the browser must not report a cross-site
 * request, and all but the open routes require the bearer token. There is no CORS: no header ever
 * lets another origin read a response.
 */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

/** Throws a DeputyError unless listening here with this token is safe. */
export function assertSafeBind(host: string, token: string | null): void {
  if (token !== null && token.trim() === "") {
    throw new DeputyError("invalid_input", "The API token is empty; delete it to get a new one.");
  }
  if (token === null && !isLoopback(host)) {
    throw new DeputyError(
      "invalid_input",
      `Listening on ${host} without an API token would let everyone on the network control it; set a token or listen on 127.0.0.1.`,
    );
  }
}

/** Refuses requests for another host, and those made by a page of another site. */
export function guardOrigin(
  bindHost: string,
  allowedHosts: readonly string[],
): onRequestHookHandler {
  const known = new Set(
    ["localhost", "127.0.0.1", "[::1]", bindHost, ...allowedHosts].map(normalizeHost),
  );
  let lastGood: string | undefined; // a client usually sends the same name every time
  return (request, _reply, done) => {
    const { host, "sec-fetch-site": site } = request.headers;
    if (!isPlainPath(request.url))
      return done(
        new DeputyError(
          "invalid_input",
          "A path begins with / and has no . or .. between slashes.",
        ),
      );
    if (host !== undefined && (host === lastGood || known.has(normalizeHost(host)))) {
      lastGood = host;
    } else {
      const shown = JSON.stringify((host ?? "").slice(0, 100));
      return done(
        new DeputyError(
          "forbidden",
          `This daemon does not answer to the host ${shown}; add the name to its allowed hosts if it is yours.`,
        ),
      );
    }
    if (site === "cross-site" && !isLinkToPage(request)) {
      return done(
        new DeputyError("forbidden", "Requests that another web site makes are refused."),
      );
    }
    done();
  };
}

/**
 * Whoever decides by the beginning of a path, here or in a proxy, must see the path that is served: a
 * request for another place than it seems to be is refused, however the dots are written. A slash that
 * is written as %2f is a part of a name.
 */
function isPlainPath(url: string): boolean {
  const path = url.replace(/[?#].*$/s, "");
  const decoded = path.replace(/%2e/gi, ".");
  return path.startsWith("/") && !/(?:^|[/\\])\.{1,2}(?:[/\\]|$)/.test(decoded);
}

/**
 * A link to an answer page, or to the page, may be on any site, such as the web app that showed the push.
 * Looking at one changes nothing, and no site can put it into a frame.
 */
function isLinkToPage({ headers, method, url }: FastifyRequest): boolean {
  return (
    method === "GET" &&
    (url.startsWith("/q/") || isPagePath(url)) &&
    headers["sec-fetch-mode"] === "navigate" &&
    headers["sec-fetch-dest"] === "document"
  );
}

/** A Host header or a configured name in lower case, without port, brackets and final dot. */
export function normalizeHost(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host);
  const name = bracketed?.[1] ?? (isIP(host) === 6 ? host : host.replace(/:\d*$/, ""));
  return name.replace(/\.$/, "").toLowerCase();
}

/**
 * Requires `Authorization: Bearer <token>`, compared as hashes in constant time. Wrong tokens are
 * counted by address; after twenty in a minute the response is 429. The right token always passes,
 * so nobody can lock the owner out.
 */
export async function guardToken(
  app: FastifyInstance,
  token: string,
): Promise<onRequestHookHandler> {
  if (!app.hasDecorator("createRateLimit")) await app.register(rateLimit, { global: false });
  const countFailure = app.createRateLimit({ max: 20, timeWindow: 60_000 });
  const expected = hashToken(token);
  return (request, reply, done) => {
    const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
    if (given !== undefined && timingSafeEqual(hashToken(given), expected)) return done();
    countFailure(request).then((limit) => {
      reply.header("www-authenticate", 'Bearer realm="deputy"');
      if (!limit.isAllowed && limit.isExceeded) {
        reply.header("retry-after", limit.ttlInSeconds);
        sendProblem(
          reply,
          makeProblem(429, "too_many_requests", "Too many wrong tokens; wait a minute."),
        );
        return;
      }
      done(
        new DeputyError(
          "unauthorized",
          given === undefined
            ? "This route requires the API token, sent as Authorization: Bearer <token>."
            : "The API token is wrong.",
        ),
      );
    }, done);
  };
}

/** Of equal length for any token, as timingSafeEqual requires. */
function hashToken(token: string): Buffer {
  return hash("sha256", token, "buffer");
}
