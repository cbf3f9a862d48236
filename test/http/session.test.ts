import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeSessionService } from "../../src/daemon/service/sessions.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import type { Json } from "../support/deputy.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { startTestServer, token } from "./helpers.ts";
import { MemoryService } from "./memory-service.ts";

/** A browser's session through the real server and the real tables: who is let in, and to what. */
let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await createTestDatabase();
  const options = { maxConnections: 4, migrate: false, onError: () => {} };
  store = await openStore(database.connection, options);
});
afterAll(async () => {
  await store.close();
  await database.drop();
});
beforeEach(async () => {
  await database.query("delete from devices");
});

type Headers = Record<string, string>;
type Answer = { status: number; body: Json; headers: IncomingMessage["headers"] };

const own = { "x-deputy": "1", "sec-fetch-site": "same-origin" };

/** `fetch` sets some of these headers itself; a browser that is up to something would not. */
async function startSessions(publicUrl: string | null = null) {
  const sessions = makeSessionService(store.db);
  const memory: MemoryService = Object.assign(new MemoryService(), sessions);
  const server = await startTestServer({ service: memory, publicUrl });
  const { hostname, port } = new URL(server.url);
  const open = (method: string, path: string, headers: Headers, body?: unknown) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const sends = body === undefined ? null : JSON.stringify(body);
      const about = sends === null ? {} : { "content-type": "application/json" };
      const length = sends === null ? {} : { "content-length": Buffer.byteLength(sends) };
      const all = { ...about, ...length, ...headers };
      const sent = request({ host: hostname, port, method, path, headers: all }, resolve);
      sent.on("error", reject);
      sent.end(sends ?? undefined);
    });
  const ask = async (...given: Parameters<typeof open>): Promise<Answer> => {
    const answer = await open(...given);
    const said = await text(answer);
    const { headers, statusCode: status = 0 } = answer;
    return { status, headers, body: said === "" ? {} : JSON.parse(said) };
  };
  const pair = async (scope: "view" | "act" = "act") =>
    (await ask("POST", "/v1/pairing", { authorization: `Bearer ${token}` }, { scope })).body;
  const signIn = async (code: string, headers: Headers = own) =>
    ask("POST", "/v1/session", headers, { code, name: "Firefox on Linux" });
  /** As a browser of a device that was let in. */
  const enter = async (scope: "view" | "act" = "act") => {
    const { link } = await pair(scope);
    const answer = await signIn(`${link}`.replace("/pair#", ""));
    expect(answer.status).toBe(200);
    const cookie = cookieOf(answer);
    const { id } = answer.body.device;
    return {
      ...{ id, cookie },
      ask: (method: string, path: string, body?: unknown, headers: Headers = own) =>
        ask(method, path, { cookie, ...headers }, body),
    };
  };
  return { ...server, memory, open, ask, pair, signIn, enter };
}

function cookieOf({ headers }: Answer): string {
  return headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
}

describe("signing in", () => {
  test("takes what follows # in the link, or the code, once", async () => {
    const { ask, pair, signIn } = await startSessions();
    expect((await ask("GET", "/v1/session", {})).status).toBe(401);
    const byLink = await pair();
    expect(byLink).toMatchObject({ scope: "act", url: null });
    expect(byLink.link).toMatch(/^\/pair#[\w-]{22}$/);
    const code = `${byLink.link}`.slice(6);
    const first = await signIn(code);
    expect(first.status).toBe(200);
    expect(first.headers["set-cookie"]).toEqual([
      expect.stringMatching(
        /^deputy=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=7776000$/,
      ),
    ]);
    expect(first.body).toMatchObject({
      device: { name: "Firefox on Linux", scope: "act" },
      ...{ version: "0.0.0", build: null, server_time: expect.stringMatching(/Z$/) },
    });
    expect((await signIn(code)).status).toBe(403);
    expect((await signIn(`${byLink.code}`)).status).toBe(403);
    const again = await ask("GET", "/v1/session", { cookie: cookieOf(first) });
    expect([again.status, again.headers["cache-control"]]).toEqual([200, "no-store"]);
    expect(cookieOf(again)).toBe(cookieOf(first));
    const { code: typed } = await pair("view");
    const second = await signIn(` ${`${typed}`.toUpperCase().replace(/^..../, "$& ")}`);
    expect(second.body).toMatchObject({ device: { scope: "view" } });
    const stored = await database.query<{ all: string }>(
      "select string_agg(devices::text, ' ') as all from devices",
    );
    expect(stored[0]?.all).not.toContain(cookieOf(first).slice(7));
  });

  test("again makes the same device, and ends its session before", async () => {
    const { ask, enter, pair, signIn } = await startSessions();
    const { cookie, id } = await enter();
    const { code } = await pair("view");
    const again = await signIn(`${code}`, { ...own, cookie });
    expect(again.body).toMatchObject({ device: { id, scope: "view" } });
    expect((await ask("GET", "/v1/session", { cookie })).status).toBe(401);
  });

  test("fails with a wrong code, and after ten a minute says to wait; the right one passes", async () => {
    const { pair, signIn } = await startSessions();
    const { code, link } = await pair();
    const wrong = `${code}` === "00000000" ? "11111111" : "00000000";
    const statuses: number[] = [];
    for (let n = 0; n < 13; n++) statuses.push((await signIn(wrong)).status);
    expect(statuses).toEqual([...Array(10).fill(403), 429, 429, 429]);
    expect(Number((await signIn("x")).headers["retry-after"])).toBeGreaterThan(0);
    // Five tries were too many for what can be typed, not for what nobody can guess.
    expect((await signIn(`${code}`)).status).toBe(429);
    expect((await signIn(`${link}`.slice(6))).status).toBe(200);
  });

  test("gives a Secure cookie at the public https address, and none where it would be seen", async () => {
    const { ask, pair, signIn } = await startSessions("https://deputy.example/");
    const { link, url } = await pair();
    expect(url).toBe(`https://deputy.example${link}`);
    const code = `${link}`.slice(6);
    const there = { ...own, host: "deputy.example", origin: "https://deputy.example" };
    const answer = await signIn(code, there);
    expect(answer.headers["set-cookie"]?.[0]).toMatch(
      /^__Host-deputy=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=7776000; Secure$/,
    );
    // A proxy that asks by its own name: what came Secure stays Secure.
    const renewed = await ask("GET", "/v1/session", { cookie: cookieOf(answer) });
    expect(renewed.headers["set-cookie"]?.[0]).toMatch(/^__Host-deputy=.*; Secure$/);
    const behind = await signIn(`${(await pair()).code}`, { ...there, host: "127.0.0.1:1" });
    expect(behind.headers["set-cookie"]?.[0]).toMatch(/^__Host-deputy=/);
  });
});

test("a name that is neither public nor this machine's gets no session, and the code stays", async () => {
  const memory = Object.assign(new MemoryService(), makeSessionService(store.db));
  const { url } = await startTestServer({ service: memory, allowedHosts: ["nas.lan"] });
  const { code } = await memory.openPairing("act");
  const post = (host: string) =>
    new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(url);
      const headers = { ...own, host, "content-type": "application/json" };
      const where = { host: hostname, port, method: "POST", path: "/v1/session", headers };
      const sent = request(where, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      sent.on("error", reject);
      sent.end(JSON.stringify({ code, name: "x" }));
    });
  expect([await post("nas.lan:7777"), await post("localhost:7777")]).toEqual([403, 200]);
});

describe("a session", () => {
  test("opens the API and nothing else, ends by signing out and with ninety days of silence", async () => {
    const { ask, enter } = await startSessions();
    const { ask: asDevice, cookie, id } = await enter();
    expect((await asDevice("GET", "/v1/tasks")).status).toBe(200);
    expect((await asDevice("GET", "/metrics")).status).toBe(401);
    expect((await asDevice("POST", "/mcp", {})).status).toBe(401);
    // A wrong token is wrong, whatever cookie is beside it.
    const both = { cookie, authorization: "Bearer wrong" };
    expect((await ask("GET", "/v1/tasks", both)).status).toBe(401);
    const age = "update devices set seen_at = now() - interval '89 days' where id = $1";
    await database.query(age, [id]);
    expect((await asDevice("GET", "/v1/session")).status).toBe(200);
    const [row] = await database.query(
      "select seen_at > now() - interval '1 hour' as now from devices",
    );
    expect(row).toEqual({ now: true });
    await database.query(age.replace("89", "91"), [id]);
    expect((await asDevice("GET", "/v1/session")).status).toBe(401);
    const second = await enter();
    const out = await second.ask("DELETE", "/v1/session");
    expect([out.status, out.headers["set-cookie"]]).toEqual([
      200,
      [expect.stringMatching(/Max-Age=0; Secure$/), expect.stringMatching(/^deputy=;.*Max-Age=0$/)],
    ]);
    expect((await second.ask("GET", "/v1/session")).status).toBe(401);
    for (const old of ["deputy=", `deputy=${"A".repeat(43)}`, `deputy_device=${cookie.slice(7)}`])
      expect((await ask("GET", "/v1/tasks", { cookie: old })).status).toBe(401);
  });

  test("that may only look is refused by every route that may change something", async () => {
    const { ask, enter, memory } = await startSessions();
    const viewer = await enter("view");
    const { body: document } = await ask("GET", "/openapi.json", {});
    const methods = ["post", "put", "patch", "delete"];
    const all = Object.entries(document.paths as Record<string, object>).flatMap(([path, there]) =>
      Object.keys(there).map((method) => ({ method, path })),
    );
    const changing = all.filter(
      ({ method, path }) =>
        methods.includes(method) && path.startsWith("/v1/") && path !== "/v1/session",
    );
    expect(changing.length).toBeGreaterThan(25);
    for (const { method, path } of changing) {
      const filled = path.replace(/\{\w+\}/g, "1");
      const answer = await viewer.ask(method.toUpperCase(), filled, {});
      expect([answer.status, answer.body.detail], `${method} ${path}`).toEqual([
        403,
        expect.stringContaining("This device may look and change nothing"),
      ]);
    }
    const looking = all.filter(({ method, path }) => method === "get" && path.startsWith("/v1/"));
    // The stream of all tasks has no end.
    const read = looking.filter(({ path }) => !path.includes("{") && path !== "/v1/stream");
    for (const { path } of read) expect((await viewer.ask("GET", path)).status, path).toBe(200);
    expect(memory.tasks.size).toBe(0);
    expect((await viewer.ask("DELETE", "/v1/session")).status).toBe(200);
  });

  test("changes nothing for another site, whatever it sends", async () => {
    const { enter, memory, url } = await startSessions();
    const { ask } = await enter();
    const host = new URL(url).host;
    const task = { goal: "Fix it", repository: "/repo" };
    const send = async (headers: Headers) => (await ask("POST", "/v1/tasks", task, headers)).status;
    const page = { origin: `http://${host}` };
    for (const headers of [
      {},
      { "x-deputy": "1" },
      { "sec-fetch-site": "same-origin" },
      { ...page },
      { ...own, "x-deputy": "0" },
      { ...own, "sec-fetch-site": "none" },
      { ...own, "sec-fetch-site": "same-site" },
      { ...own, "sec-fetch-site": "cross-site" },
      { ...own, origin: "https://evil.example" },
      { ...own, origin: "null" },
      { "x-deputy": "1", origin: `https://${host}.evil.example` },
      { "x-deputy": "1", origin: "http://127.0.0.1:1" },
    ])
      expect(await send(headers as Headers), JSON.stringify(headers)).toBe(403);
    const form = { ...own, "content-type": "text/plain" };
    expect((await ask("POST", "/v1/tasks", task, form)).status).toBe(415);
    expect(memory.tasks.size).toBe(0);
    // An old browser says where it comes from by Origin alone.
    expect(await send({ "x-deputy": "1", ...page })).toBe(202);
    expect(await send({ ...own, ...page })).toBe(202);
    const sibling = { "sec-fetch-site": "same-site" };
    expect((await ask("GET", "/v1/tasks", undefined, sibling)).status).toBe(403);
    expect((await ask("GET", "/v1/tasks", undefined, { "sec-fetch-site": "none" })).status).toBe(
      200,
    );
  });

  test("is for our names and plain paths only", async () => {
    const { enter, ask } = await startSessions();
    const { cookie } = await enter();
    const status = async (path: string, headers: Headers = {}) =>
      (await ask("GET", path, { cookie, ...headers })).status;
    expect(await status("/v1/tasks", { host: "evil.example" })).toBe(403);
    for (const path of [
      "/x/../v1/tasks",
      "/x/%2e%2E/v1/tasks",
      "/x\\..\\v1/tasks",
      "/./v1/tasks",
      "/v1/tasks/.",
      "http://evil.example/v1/tasks",
    ])
      expect(await status(path), path).toBe(400);
    for (const path of ["//v1/tasks", "/x%2f..%2fv1/tasks"])
      expect(await status(path), path).toBe(404);
    expect(await status("/v1/tasks?cursor=../x")).not.toBe(403);
  });
});

test("of two devices the one that is forgotten loses its stream and its session, at once", async () => {
  const { enter, memory, open } = await startSessions();
  const [phone, laptop] = [await enter(), await enter()];
  const { task } = await memory.submit(
    { goal: "Fix it", repository: "/repo" } as never,
    { source: "http" } as never,
    null,
  );
  const follow = ({ cookie }: { cookie: string }) =>
    open("GET", `/v1/tasks/${task.id}/events`, { cookie, accept: "text/event-stream" });
  const [lost, kept] = [await follow(phone), await follow(laptop)];
  const { body: devices } = await laptop.ask("GET", "/v1/devices");
  expect(devices.devices).toMatchObject([
    { id: phone.id, current: false, push: false, scope: "act" },
    { id: laptop.id, current: true },
  ]);
  const renamed = await laptop.ask("PATCH", `/v1/devices/${phone.id}`, { name: " Pixel " });
  expect(renamed.body).toMatchObject({ name: "Pixel", scope: "act" });
  const nothing = await laptop.ask("PATCH", `/v1/devices/${phone.id}`, { name: "" });
  expect(nothing.status).toBe(400);
  expect((await laptop.ask("DELETE", `/v1/devices/${phone.id}`)).status).toBe(200);
  const all = await text(lost); // it ends
  expect(all).toContain("event: task.created");
  expect(all).not.toContain("event: end");
  expect((await phone.ask("GET", "/v1/tasks")).status).toBe(401);
  memory.emit(task.id, "task.cancelled", "Cancelled", "cancelled");
  expect(await text(kept)).toContain("event: end");
  expect((await laptop.ask("DELETE", "/v1/devices/dev_none")).status).toBe(404);
});
