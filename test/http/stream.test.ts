import { connect } from "node:net";
import { expect, test, vi } from "vitest";
import { liveSnapshotWire, liveTasksWire } from "../../src/api/live.ts";
import { DeputyError } from "../../src/core/base/error.ts";
import type { Json } from "../support/deputy.ts";
import { readStream, startTestServer, token } from "./helpers.ts";

/** The stream of all tasks: what one connection sees, and what many cost. */

const limits = { batchMs: 1, heartbeatMs: 600_000 };

async function start(options: Parameters<typeof startTestServer>[0] = {}) {
  const server = await startTestServer({ ...options, limits: { ...limits, ...options.limits } });
  const open = async (query = "", headers: Record<string, string> = {}) => {
    const response = await server.call(`/v1/stream${query}`, { headers });
    const stream = readStream(response);
    const next = async () => {
      const event = await stream.next();
      return event && { ...event, data: JSON.parse(event.data) };
    };
    return { ...stream, response, next };
  };
  return { ...server, open };
}

test("a snapshot comes first, then what has news, and after a cursor what was missed", async () => {
  const { open, service, submit } = await start();
  const { id } = await submit();
  const stream = await open();
  expect(stream.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const first = await stream.next();
  expect(first).toMatchObject({ id: "1", event: "snapshot" });
  const standing = { counts: { queued: 1 }, attention: 0, frozen: false };
  expect(liveSnapshotWire.parse(first?.data)).toMatchObject({ ...standing, version: "0.0.0" });
  service.emit(id, "task.planning", "Planning", "planning");
  const news = await stream.next();
  expect(news).toMatchObject({ id: "2", event: "tasks" });
  const tasks = [{ id, state: "planning" }];
  expect(liveTasksWire.parse(news?.data)).toMatchObject({ tasks });
  // The numbers follow at once, or with the next counting.
  for (let last = news; last?.data.counts.planning !== 1; last = await stream.next());

  await stream.cancel();
  service.emit(id, "attempt.progressed", "On it", "running");
  const again = await open("?cursor=1", { "last-event-id": "2" });
  const missed = await again.next();
  expect(missed).toMatchObject({ id: "3", event: "tasks" });
  expect(missed?.data.tasks).toMatchObject([{ id, state: "running" }]);
  const upToDate = await open("?cursor=3");
  expect((await upToDate.next())?.data).toMatchObject({ cursor: "3", tasks: [] });

  for (const bad of ["?cursor=99", "?cursor=x"]) {
    const lost = await open(bad);
    expect(await lost.next()).toMatchObject({ id: null, event: "resync" });
    expect(await lost.next()).toBeNull();
  }
});

test("events and connections share one reading, and nobody reads where nobody is connected", async () => {
  const { open, service, submit } = await start({ limits: { batchMs: 30 } });
  const ids = [(await submit()).id, (await submit()).id];
  let readings = 0;
  let counts = 0;
  const { countTasks, readChanges } = service;
  service.readChanges = (cursor) => {
    readings++;
    return readChanges.call(service, cursor);
  };
  service.countTasks = () => {
    counts++;
    return countTasks.call(service);
  };
  for (const id of ids) service.emit(id, "task.planning", "Planning");
  expect([readings, counts]).toEqual([0, 0]);

  const streams = await Promise.all(Array.from({ length: 20 }, () => open()));
  for (const stream of streams) await stream.next();
  expect(readings).toBeLessThanOrEqual(21 + 1);
  const before = readings;
  for (let n = 0; n < 500; n++)
    service.emit(ids[n % 2] ?? "", "attempt.progressed", `${n}`, "running");
  const seen = await Promise.all(
    streams.map(async (stream) => {
      // Numbers may come a moment after the tasks that they count.
      const told = new Set<string>();
      for (let data = (await stream.next())?.data; ; data = (await stream.next())?.data) {
        for (const { id } of data?.tasks ?? []) told.add(id);
        if (data?.counts.running === 2) return told.size;
      }
    }),
  );
  expect(new Set(seen)).toEqual(new Set([2]));
  // A handful of batches, not ten thousand readings.
  expect(readings - before).toBeLessThan(10);
  for (const stream of streams) await stream.cancel();
  await vi.waitFor(() => expect(service.newsListenerCount()).toBe(0));
});

test("it beats, and finds what no notification told of", async () => {
  const { open, service, submit } = await start({ limits: { heartbeatMs: 20 } });
  const { id } = await submit();
  service.onNews = () => () => {};
  const stream = await open();
  expect((await stream.next())?.event).toBe("snapshot");
  expect(await stream.next()).toMatchObject({ event: "beat", data: { cursor: "1" } });
  service.emit(id, "task.planning", "Planning");
  for (let event = await stream.next(); event?.event !== "tasks"; event = await stream.next())
    expect(event?.event).toBe("beat");
});

test("a reader that never reads is dropped, and costs no memory until then", async () => {
  const { url, service, submit } = await start({ limits: { drainTimeoutMs: 200 } });
  const { id } = await submit();
  const many = Array.from({ length: 400 }, () => service.tasks.get(id)).filter((task) => !!task);
  service.readChanges = async (cursor) => ({
    ...{ cursor: String(Number(cursor ?? 0) + 1), reason: null },
    tasks: many,
  });
  const { port } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.pause();
  socket.on("error", () => {}); // the reset is what the test is about
  socket.write(
    `GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await vi.waitFor(() => expect(service.newsListenerCount()).toBe(1));
  const stirring = setInterval(() => service.emit(id, "attempt.progressed", "more"), 1);
  await vi.waitFor(() => expect(service.newsListenerCount()).toBe(0), { timeout: 10_000 });
  clearInterval(stirring);
  socket.destroy();
});

test("where too much happened a connection is told to begin anew", async () => {
  const { open, service, submit } = await start();
  const { id } = await submit();
  const stream = await open();
  await stream.next();
  const { readChanges } = service;
  service.readChanges = async () => ({ cursor: "7", tasks: null, reason: "Too much." });
  service.emit(id, "task.planning", "Planning");
  expect(await stream.next()).toMatchObject({ event: "resync", data: { reason: "Too much." } });
  expect(await stream.next()).toBeNull();
  service.readChanges = readChanges;
  expect((await (await open()).next())?.event).toBe("snapshot");
});

test("a database that is away costs no connection, and a closing server says good-bye", async () => {
  const { close, logged, open, service, submit } = await start();
  const { id } = await submit();
  const stream = await open();
  await stream.next();
  const { readChanges } = service;
  let failures = 0;
  service.readChanges = async (cursor) => {
    if (failures++ < 1) throw new Error("database gone");
    return readChanges.call(service, cursor);
  };
  service.emit(id, "task.planning", "Planning", "planning");
  expect(await stream.next()).toMatchObject({ event: "tasks", data: { tasks: [{ id }] } });
  expect(logged).toMatchObject([{ level: "error" }]);
  const closing = close();
  expect(await stream.next()).toEqual({ id: null, event: "bye", data: { reason: "stopping" } });
  expect(await stream.next()).toBeNull();
  await closing;
});

test("one client has a limited number of connections", async () => {
  const { call, open } = await start({ limits: { streamsPerClient: 1 } });
  const stream = await open();
  await stream.next();
  const refused = await call("/v1/stream");
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({
    detail: expect.stringMatching(/^1 streams? .*127/),
  });
  await stream.cancel();
  await vi.waitFor(async () => expect((await call("/v1/stream")).status).toBe(200));
});

test("where nothing can be read the answer says so, and the next connection tries again", async () => {
  const { call, logged, open, service } = await start();
  const { readChanges } = service;
  service.readChanges = async () => {
    throw new DeputyError("unavailable", "The database is away.");
  };
  const refused = await call("/v1/stream");
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ detail: "The database is away." });
  service.readChanges = readChanges;
  expect((await (await open()).next())?.event).toBe("snapshot");
  expect(logged).toEqual([]);
});

/** A device that is let in, which `revoke` forgets. */
async function startDevice() {
  const server = await start();
  const { call, post } = server;
  const { link } = (await (await post("/v1/pairing", { scope: "act" })).json()) as Json;
  const entered = await fetch(`${server.url}/v1/session`, {
    method: "POST",
    body: JSON.stringify({ code: link.replace("/pair#", ""), name: "Firefox" }),
    headers: { "content-type": "application/json", origin: server.url, "x-deputy": "1" },
  });
  const cookie = entered.headers.get("set-cookie")?.split(";")[0] ?? "";
  const { device } = (await entered.json()) as Json;
  const revoke = async () =>
    expect((await call(`/v1/devices/${device.id}`, { method: "DELETE" })).status).toBe(200);
  /** What its stream says until it ends, which a browser takes for one. */
  const readAll = async () => {
    const response = await fetch(`${server.url}/v1/stream`, { headers: { cookie } });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    return response.text();
  };
  return { ...server, revoke, readAll };
}
const goodBye = 'retry: 2000\n\nevent: bye\ndata: {"reason":"revoked"}\n\n';

test("a device that is forgotten while its request is let in gets no stream", async () => {
  const { logged, readAll, revoke, service } = await startDevice();
  const { findSession } = service;
  service.findSession = async (session) => {
    const device = await findSession.call(service, session);
    await revoke();
    return device;
  };
  expect(await readAll()).toBe(goodBye);
  expect(logged).toEqual([]);
  await vi.waitFor(() => expect(service.newsListenerCount()).toBe(0));
});

test("what ends a connection before its head is written is told after it", async () => {
  const { logged, open, readAll, revoke, service } = await startDevice();
  const { readChanges } = service;
  service.readChanges = async (cursor) => {
    service.readChanges = readChanges;
    await revoke();
    return readChanges.call(service, cursor);
  };
  expect(await readAll()).toBe(goodBye);
  expect(logged).toEqual([]);
  expect((await (await open()).next())?.event).toBe("snapshot");
});
