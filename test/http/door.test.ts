import { describe, expect, test } from "vitest";
import { pointerWire } from "../../src/api/daemon.ts";
import { DeputyError } from "../../src/core/base/error.ts";
import { startHttpServer } from "../../src/http/server.ts";
import { sendRaw, startTestServer, token } from "./helpers.ts";

describe("the host", () => {
  const ask = async (host: string | null, allowedHosts: string[] = [], version = "1.1") => {
    const { url } = await startTestServer({ allowedHosts });
    const line = host === null ? "" : `Host: ${host}\r\n`;
    const answer = await sendRaw(
      url,
      `GET /healthz HTTP/${version}\r\n${line}Connection: close\r\n\r\n`,
    );
    return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  };

  test.each(["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:9", "localhost."])(
    "%s is known",
    async (host) => expect(await ask(host)).toBe(200),
  );
  test.each(["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "[::2]"])(
    "%j is refused",
    async (host) => expect(await ask(host)).toBe(403),
  );
  test("a name must be allowed to be known", async () => {
    expect(await ask("deputy.lan:8080", ["deputy.lan"])).toBe(200);
    expect(await ask(null, [], "1.0")).toBe(403);
  });
});

describe("the token", () => {
  test("is wanted on everything but the open routes", async () => {
    const { url } = await startTestServer();
    for (const path of ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs/json"]) {
      expect((await fetch(url + path)).status, path).toBe(200);
    }
    for (const path of ["/v1/tasks", "/v1/tasks/task_abcdef", "/metrics", "/v1/tasks/x/events"]) {
      const response = await fetch(url + path);
      expect(response.status, path).toBe(401);
      expect(response.headers.get("www-authenticate")).toContain("Bearer");
      expect(await response.json()).toMatchObject({ code: "unauthorized" });
    }
    const tooLong = await fetch(`${url}/v1/tasks`, { method: "POST", body: "x".repeat(100) });
    expect(tooLong.status).toBe(401);
  });

  test("is not wanted by /, which says where to read on", async () => {
    const { url } = await startTestServer();
    const pointer = pointerWire.parse(await (await fetch(url)).json());
    expect(Object.keys(pointer)).toEqual(["name", "version", "docs", "openapi", "health"]);
    const page = await fetch(url, { headers: { accept: "text/html,*/*;q=0.8" } });
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const text = await page.text();
    for (const place of [pointer.docs, pointer.openapi, pointer.health]) {
      expect(text).toContain(`href="${place}"`);
      expect((await fetch(url + place)).status, place).toBe(200);
    }
  });

  test.each(["Bearer", "Bearer wrong", `Basic ${token}`, `Bearer ${token}x`, `Bearer \xe9`])(
    "%j is not it",
    async (authorization) => {
      const { url } = await startTestServer();
      expect((await fetch(`${url}/v1/tasks`, { headers: { authorization } })).status).toBe(401);
    },
  );

  test.each([
    ["in/a", { authorization: "Bearer wrong" }, { authorization: "Bearer right" }],
    ["github", {}, { "x-hub-signature-256": "right" }],
    ["gitea", {}, { "x-gitea-signature": "right" }],
    ["gitlab", {}, { "x-gitlab-token": "right" }],
  ])("guessing at /hooks/%s ends in 429, and what is right still passes", async (...given) => {
    const [hook, wrong, right] = given;
    const { url } = await startTestServer();
    const post = async (headers: Record<string, string>) =>
      (await fetch(`${url}/hooks/${hook}`, { method: "POST", headers, body: "{}" })).status;
    const statuses: number[] = [];
    for (let n = 0; n < 25; n++) statuses.push(await post(wrong));
    expect([statuses[0], statuses.at(-1)]).toEqual([401, 429]);
    expect(await post(right)).toBe(202);
  });

  test("guessing ends in 429, and the right token still passes", async () => {
    const { url, call } = await startTestServer();
    const guess = () => fetch(`${url}/v1/tasks`, { headers: { authorization: "Bearer no" } });
    const statuses: number[] = [];
    for (let n = 0; n < 25; n++) statuses.push((await guess()).status);
    expect(statuses[0]).toBe(401);
    expect(statuses.at(-1)).toBe(429);
    expect(Number((await guess()).headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await call("/v1/tasks")).status).toBe(200);
  });

  test("may be missing on loopback only", async () => {
    const { url } = await startTestServer({ token: null });
    expect((await fetch(`${url}/v1/tasks`)).status).toBe(200);
    const start = startTestServer({ token: null, host: "0.0.0.0" });
    await expect(start).rejects.toThrow(DeputyError);
    await expect(start).rejects.toThrow("without an API token");
    await expect(startTestServer({ token: " " })).rejects.toThrow("empty");
  });
});

test("an address with what no database stores is a mistake, not a failure", async () => {
  const { call, logged } = await startTestServer();
  const statuses = await Promise.all([
    ...["?q=a%00", "?repository=%00", "/%00"].map((path) => call(`/v1/tasks${path}`)),
    call("/v1/tasks/task_abcdefgh/changes/file?path=a%00b"),
    call("/v1/devices/a%00", { method: "DELETE" }),
    call("/v1/triggers/a%00/reset", { method: "POST" }),
    call("/hooks/in/a%00", { method: "POST" }),
  ]);
  expect(statuses.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400, 400]);
  expect(logged).toEqual([]);
});

describe("other sites", () => {
  test("are refused and get no CORS headers", async () => {
    const { url, call } = await startTestServer();
    const raw = await sendRaw(
      url,
      `GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
    );
    expect(raw).toContain("403 Forbidden");
    const preflight = await call("/v1/tasks", {
      method: "OPTIONS",
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(404);
    const plain = await call("/v1/tasks", { headers: { origin: "https://evil.example" } });
    for (const { headers } of [preflight, plain]) {
      expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });
});

describe("listening", () => {
  test("says when the port is taken", async () => {
    const { url, service } = await startTestServer();
    const second = startHttpServer({
      service,
      host: "127.0.0.1",
      port: Number(new URL(url).port),
      token,
      allowedHosts: [],
      redact: (text) => text,
      version: "0",
      log: () => {},
    });
    await expect(second).rejects.toThrow(/Port \d+ on 127.0.0.1 is taken/);
  });

  test("gives a URL that a client can use for a wildcard address", async () => {
    const { url, call } = await startTestServer({ host: "0.0.0.0" });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await call("/healthz")).status).toBe(200);
  });
});

describe("bad requests", () => {
  test("that are no HTTP get a problem", async () => {
    const { url } = await startTestServer();
    expect(await sendRaw(url, "HELLO\r\n\r\n")).toContain("This is not a valid HTTP request.");
    const long = `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"y".repeat(40_000)}\r\n\r\n`;
    expect(await sendRaw(url, long)).toContain("431");
    const badUrl = "GET /v1/tasks/%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const answer = await sendRaw(url, badUrl);
    expect(answer).toContain("400 Bad Request");
    expect(answer).toContain("application/problem+json");
  });

  test("that come too slowly are ended", async () => {
    const limits = { headersTimeoutMs: 100, requestTimeoutMs: 100, checkIntervalMs: 20 };
    const { url } = await startTestServer({ limits });
    expect(await sendRaw(url, "GET /healthz HTTP/1.1\r\nHost: loc")).toContain("408");
    const body = `POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`;
    expect(await sendRaw(url, body)).toContain("408");
  });

  test("for unknown routes name them", async () => {
    const { call } = await startTestServer();
    const response = await call("/v2/tasks?token=x");
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      detail: "There is no GET /v2/tasks; /openapi.json lists what there is.",
    });
    expect((await call(`/v1/tasks/${"x".repeat(5_000)}`)).status).toBeGreaterThanOrEqual(400);
  });
});

test("an unexpected error is logged under an id, told by that id, and the server goes on", async () => {
  const { post, service, logged } = await startTestServer();
  service.failWith = new Error("password=hunter2");
  const response = await post("/v1/tasks", { goal: "x", repository: "/r" });
  const text = await response.text();
  expect(response.status).toBe(500);
  expect(text).not.toContain("hunter2");
  const { request_id: requestId } = JSON.parse(text) as { request_id: string };
  expect(logged).toMatchObject([
    { level: "error", object: { requestId, err: service.failWith, url: "/v1/tasks" } },
  ]);
  service.failWith = new DeputyError("unavailable", "The database does not answer.");
  expect((await post("/v1/tasks", { goal: "x", repository: "/r" })).status).toBe(503);
  // What the driver says, and what the system says when the connection is cut under a query.
  for (const error of [{ code: "57P01" }, { code: "EPIPE" }, { code: "ECONNRESET" }]) {
    service.failWith = Object.assign(new Error("it broke"), error);
    expect((await post("/v1/tasks", { goal: "x", repository: "/r" })).status).toBe(503);
  }
  service.failWith = null;
  expect((await post("/v1/tasks", { goal: "x", repository: "/r" })).status).toBe(202);
});

describe("the daemon's own routes", () => {
  test("tell health, readiness and metrics", async () => {
    const { call, service } = await startTestServer();
    expect(await (await call("/healthz")).json()).toMatchObject({ status: "alive" });
    expect((await call("/readyz")).status).toBe(200);
    service.problems = ["git is missing"];
    const unready = await call("/readyz");
    expect(unready.status).toBe(503);
    expect(await unready.json()).toEqual({
      ...{ ready: false, problems: ["git is missing"] },
      low_space: [],
      frozen: null,
    });
    const metrics = await call("/metrics");
    expect(metrics.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await metrics.text()).toBe("deputy_up 1\n");
  });
});

describe("GitHub's door", () => {
  test("hands over the very bytes, without a token", async () => {
    const { url, service } = await startTestServer();
    const body = Buffer.from('{ "a" : "\xe9" }', "latin1");
    const send = (headers: Record<string, string>) =>
      fetch(`${url}/hooks/github`, { method: "POST", body, headers });
    const answer = await send({
      "content-type": "application/json",
      "x-github-delivery": "d1",
      "x-github-event": "issues",
      "x-hub-signature-256": "sha256=00",
    });
    expect(answer.status).toBe(202);
    expect(await answer.json()).toEqual({ message: "Received." });
    expect(service.hooks).toEqual([
      { id: "d1", event: "issues", signature: "sha256=00", rawBody: body },
    ]);
    const unsigned = await send({ "content-type": "application/x-www-form-urlencoded" });
    expect(unsigned.status).toBe(401);
    expect(await unsigned.json()).toMatchObject({ detail: "The signature is missing." });
  });

  test("takes 20 MB and refuses 30 MB", async () => {
    const { url, service } = await startTestServer();
    const send = (bytes: number) =>
      fetch(`${url}/hooks/github`, {
        method: "POST",
        body: Buffer.alloc(bytes, 32),
        headers: { "x-hub-signature-256": "sha256=00", "content-type": "application/json" },
      });
    expect((await send(20 * 1024 * 1024)).status).toBe(202);
    expect((await send(30 * 1024 * 1024)).status).toBe(413);
    expect(service.hooks).toHaveLength(1);
  });

  test("a trigger can be tried; what is not named of its payload is guessed by the service", async () => {
    const { post } = await startTestServer();
    const test = async (body: object) => (await post("/v1/triggers/test", body)).json();
    expect(await test({ payload: { issue: {} } })).toMatchObject({ event: null, forge: null });
    expect(await test({ event: "push", forge: "gitea", payload: { fooBar: 1 } })).toMatchObject({
      ...{ event: "push", forge: "gitea" },
      payload: { fooBar: 1 },
    });
    expect((await post("/v1/triggers/test", {})).status).toBe(400);
  });
});
