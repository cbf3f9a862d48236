import { createPublicKey, generateKeyPairSync, randomBytes, verify } from "node:crypto";
import type { Answer, FakeDelivery, Request } from "./fake-github.ts";

/**
 * A GitHub App as GitHub knows it: its key, where it is installed, the tokens it was given, and the
 * log of its deliveries. Its JSON web tokens are verified for real, by the clock of that GitHub.
 */
export type FakeApp = {
  id: number;
  slug: string;
  privateKey: string;
  webhookSecret: string;
  hookUrl: string;
  /** What it may ask for. */
  rights: Record<string, "read" | "write">;
  installations: FakeInstallation[];
  /** Of the next installation. As with GitHub, none has the id of one that was removed. */
  nextId: number;
  tokens: FakeToken[];
  deliveries: FakeDelivery[];
  /** How far GitHub's clock is ahead of this machine's. */
  clockMs: number;
  /** False: answers do not tell GitHub's time. */
  tellsTime: boolean;
  /** What was posted to make it; null: it was there before. */
  manifest: Manifest | null;
};
export type FakeInstallation = {
  id: number;
  repositories: string[];
  permissions: Record<string, "read" | "write">;
  isSuspended: boolean;
};
export type FakeToken = {
  token: string;
  installation: FakeInstallation;
  repositories: string[];
  permissions: Record<string, string>;
};
export type Manifest = Record<string, unknown> & {
  redirect_url: string;
  hook_attributes: { url: string; active: boolean };
  default_permissions: Record<string, "read" | "write">;
};

export const allRights: FakeInstallation["permissions"] = {
  ...{ contents: "write", issues: "write", pull_requests: "write", checks: "write" },
  ...{ actions: "read", metadata: "read" },
};

export function makeFakeApp(slug = "deputy-acme"): FakeApp {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return {
    ...{ id: 4711, slug, webhookSecret: randomBytes(16).toString("hex") },
    // As GitHub gives it out.
    privateKey: privateKey.export({ type: "pkcs1", format: "pem" }) as string,
    ...{ hookUrl: "https://deputy.test/hooks/github", installations: [], nextId: 1, tokens: [] },
    rights: { ...allRights },
    ...{ deliveries: [], clockMs: 0, tellsTime: true, manifest: null },
  };
}

export function install(app: FakeApp, ...repositories: string[]): FakeInstallation {
  const made: FakeInstallation = {
    ...{ id: app.nextId++, repositories, permissions: { ...allRights } },
    isSuspended: false,
  };
  app.installations.push(made);
  return made;
}

/** What the API has for the App itself; null: something else was asked for. */
export function serveApp(app: FakeApp, url: string, request: Request): Answer | null {
  const { body, headers, method, path } = request;
  const { pathname } = new URL(path, "http://github.test");
  const [, owned] = /^\/repos\/([^/]+\/[^/]+)\/installation$/.exec(pathname) ?? [];
  if (!/^\/app(\/|$)/.test(pathname) && owned === undefined) return null;
  const refusal = whyNoJwt(app, headers.authorization ?? "");
  if (refusal) return json(401, { message: refusal });
  if (owned !== undefined) {
    const found = app.installations.find(({ repositories }) => repositories.includes(owned));
    return found ? json(200, showInstallation(app, url, found)) : notFound;
  }
  if (pathname === "/app") {
    const { id, rights: permissions, slug } = app;
    return json(200, { id, slug, permissions, html_url: `${url}/github-apps/${slug}` });
  }
  if (pathname === "/app/hook/config") return json(200, { url: app.hookUrl });
  if (pathname === "/app/installations")
    return json(
      200,
      app.installations.map((one) => showInstallation(app, url, one)),
    );
  const [, id] = /^\/app\/installations\/(\d+)\/access_tokens$/.exec(pathname) ?? [];
  if (method === "POST" && id !== undefined) {
    const installation = app.installations.find((one) => one.id === Number(id));
    if (!installation) return notFound;
    if (installation.isSuspended)
      return json(403, { message: "This installation has been suspended" });
    return makeToken(app, installation, body === "" ? {} : JSON.parse(body));
  }
  if (pathname === "/app/hook/deliveries")
    return json(
      200,
      app.deliveries
        .toSorted((a, b) => b.at.getTime() - a.at.getTime())
        .map(({ at, event, guid, id, status }) => ({
          ...{ id, guid, event, status_code: status, delivered_at: at.toISOString() },
        })),
    );
  const [, sent] = /^\/app\/hook\/deliveries\/(\d+)$/.exec(pathname) ?? [];
  const delivery = app.deliveries.find((one) => one.id === Number(sent));
  return delivery ? json(200, { request: { payload: delivery.payload } }) : notFound;
}

function makeToken(
  app: FakeApp,
  installation: FakeInstallation,
  asked: { repositories?: string[]; permissions?: Record<string, "read" | "write"> },
): Answer {
  const names = installation.repositories;
  const repositories = asked.repositories
    ? names.filter((name) => asked.repositories?.includes(name.split("/")[1] ?? ""))
    : names;
  const permissions = asked.permissions ?? installation.permissions;
  const isGranted = Object.entries(permissions).every(([name, right]) => {
    const has = installation.permissions[name];
    return has === right || has === "write";
  });
  if (!isGranted || repositories.length === 0)
    return json(422, {
      message: "The permissions requested are not granted to this installation.",
    });
  const token = `ghs_${randomBytes(18).toString("hex")}`;
  app.tokens.push({ token, installation, repositories, permissions });
  const expires_at = new Date(Date.now() + app.clockMs + 60 * 60_000).toISOString();
  return json(201, { token, expires_at, permissions, repository_selection: "selected" });
}

/** The token that a request shows, if GitHub still takes it. */
export function findToken(app: FakeApp | null, secret: string): FakeToken | null {
  const found = app?.tokens.find(({ token }) => token === secret);
  const isLive =
    found && app?.installations.includes(found.installation) && !found.installation.isSuspended;
  return isLive ? found : null;
}

/** Whether a token may do that; `rest` is the path below the repository's. */
export function mayAsk(
  { permissions, repositories }: FakeToken,
  repository: string,
  method: string,
  rest: string,
): boolean {
  if (!repositories.includes(repository)) return false;
  const wanted = method === "GET" ? ["read", "write"] : ["write"];
  const has = (...names: string[]) =>
    names.some((name) => wanted.includes(permissions[name] ?? ""));
  if (/^\/(check-runs|commits\/\w+\/check-runs)/.test(rest)) return has("checks");
  if (rest.startsWith("/actions")) return has("actions");
  if (rest.startsWith("/issues")) return has("issues", "pull_requests");
  if (rest.startsWith("/pulls")) return has("pull_requests");
  if (rest.startsWith("/commits")) return has("contents");
  if (/^\/(hooks|statuses)/.test(rest)) return false;
  return true;
}

/** GitHub's own words. */
function whyNoJwt(app: FakeApp, authorization: string): string | null {
  const [, head = "", payload = "", signature = ""] =
    /^bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/i.exec(authorization) ?? [];
  const key = createPublicKey(app.privateKey);
  const signed = Buffer.from(`${head}.${payload}`);
  if (!verify("RSA-SHA256", signed, key, Buffer.from(signature, "base64url")))
    return "A JSON web token could not be decoded";
  const { alg } = JSON.parse(Buffer.from(head, "base64url").toString());
  const { exp, iat, iss } = JSON.parse(Buffer.from(payload, "base64url").toString());
  if (alg !== "RS256" || Number(iss) !== app.id) return "Integration not found";
  const nowS = (Date.now() + app.clockMs) / 1_000;
  if (iat > nowS)
    return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
  if (exp <= nowS)
    return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
  if (exp > nowS + 600) return "'Expiration time' claim ('exp') is too far in the future";
  return null;
}

function showInstallation(app: FakeApp, url: string, installation: FakeInstallation) {
  const { id, isSuspended, permissions, repositories } = installation;
  return {
    ...{ id, permissions, app_slug: app.slug, repository_selection: "selected" },
    account: { login: repositories[0]?.split("/")[0] },
    html_url: `${url}/settings/installations/${id}`,
    suspended_at: isSuspended ? "2026-01-01T00:00:00Z" : null,
  };
}

function json(status: number, value: unknown): Answer {
  return {
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(value),
  };
}

const notFound = json(404, { message: "Not Found" });
