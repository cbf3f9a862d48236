import { connect } from "node:net";
import { expect, test, vi } from "vitest";
import { eventPageWire } from "../../src/api/event.ts";
import { readStream, startTestServer, token } from "./helpers.ts";

const asStream = { headers: { accept: "text/event-stream" } };

test("replays what is old, goes on live, and ends with the task", async () => {
  const { call, submit, service } = await startTestServer();
  const { id } = await submit();
  service.emit(id, "task.planning", "Planning");
  const response = await call(`/v1/tasks/${id.slice(0, 14)}/events`, asStream);
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const stream = readStream(response);
  expect(await stream.next()).toMatchObject({ id: "1", event: "task.created" });
  const second = await stream.next();
  expect(second).toMatchObject({ id: "2", event: "task.planning" });
  expect(JSON.parse(second?.data ?? "")).toMatchObject({
    seq: 2,
    task_id: id,
    message: "Planning",
  });
  service.emit(id, "attempt.progressed", "Working", "running", { toolCall: "x", tests: { aB: 1 } });
  const live = await stream.next();
  expect(JSON.parse(live?.data ?? "").data).toEqual({ tool_call: "x", tests: { aB: 1 } });
  service.emit(id, "task.completed", "Done", "completed");
  expect(await stream.next()).toMatchObject({ id: "4", event: "task.completed" });
  expect(await stream.next()).toEqual({ id: null, event: "end", data: '{"state":"completed"}' });
  expect(await stream.next()).toBeNull();
  await vi.waitFor(() => expect(service.listenerCount(id)).toBe(0));
});

test("one client has a limited number of streams, and gets a place back when one ends", async () => {
  const { call, submit, service } = await startTestServer({ limits: { streamsPerClient: 2 } });
  const { id } = await submit();
  const open = () => call(`/v1/tasks/${id}/events`, asStream);
  const streams = [readStream(await open()), readStream(await open())];
  const refused = await open();
  expect(refused.status).toBe(503);
  const detail = expect.stringContaining("2 streams of events are open from 127.0.0.1");
  expect(await refused.json()).toMatchObject({ detail });
  service.emit(id, "task.completed", "Done", "completed");
  for (const stream of streams) while ((await stream.next()) !== null);
  expect((await open()).status).toBe(200);
});

test("goes on after Last-Event-ID, which wins over ?after=", async () => {
  const { call, submit, service } = await startTestServer({ limits: { pageSize: 2 } });
  const { id } = await submit();
  for (let n = 2; n <= 7; n++) service.emit(id, "attempt.progressed", `${n}`);
  service.emit(id, "task.failed", "Failed", "failed");
  const read = async (query: string, headers = {}) => {
    const stream = readStream(
      await call(`/v1/tasks/${id}/events${query}`, {
        headers: { ...asStream.headers, ...headers },
      }),
    );
    const seen: (string | null)[] = [];
    for (let next = await stream.next(); next; next = await stream.next()) {
      seen.push(next.id ?? next.event);
    }
    return seen;
  };
  expect(await read("")).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "end"]);
  expect(await read("?after=5")).toEqual(["6", "7", "8", "end"]);
  expect(await read("?after=1", { "last-event-id": "7" })).toEqual(["8", "end"]);
  expect(await read("", { "last-event-id": "8" })).toEqual(["end"]);
  for (const bad of ["x", "-1", "1e3"]) {
    const headers = { "last-event-id": bad };
    expect((await call(`/v1/tasks/${id}/events`, { headers })).status).toBe(400);
  }
});

test("events come as a page of JSON too", async () => {
  const { call, submit, service } = await startTestServer();
  const { id } = await submit();
  service.emit(id, "task.planning", "Planning");
  const read = async (query: string) => {
    const headers = { accept: "application/json" };
    const response = await call(`/v1/tasks/${id}/events${query}`, { headers });
    return eventPageWire.parse(await response.json());
  };
  const page = await read("?limit=1");
  expect(page.events.map(({ seq }) => seq)).toEqual([1]);
  expect((await read(`?after=${page.next_after}`)).events.map(({ seq }) => seq)).toEqual([2]);
  const headers = { accept: "image/png" };
  expect((await call(`/v1/tasks/${id}/events`, { headers })).status).toBe(406);
});

test("a silent stream shows that it lives, and finds events whose notification was lost", async () => {
  const { call, submit, service } = await startTestServer({ limits: { heartbeatMs: 20 } });
  const { id } = await submit();
  service.onEvents = () => () => {};
  const response = await call(`/v1/tasks/${id}/events?after=1`, asStream);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes(": still here\n\n")) text += (await reader?.read())?.value ?? "";
  service.emit(id, "task.cancelled", "Cancelled", "cancelled");
  while (!text.includes("event: end")) text += (await reader?.read())?.value ?? "";
  expect(text).toContain("event: task.cancelled");
});

test("a reader that never reads is dropped and never buffered without limit", async () => {
  const { url, submit, service } = await startTestServer({ limits: { drainTimeoutMs: 50 } });
  const { id } = await submit();
  const big = "x".repeat(200_000);
  for (let n = 0; n < 200; n++) service.emit(id, "attempt.progressed", big);
  let pages = 0;
  const events = service.events.bind(service);
  service.events = (...args) => {
    pages++;
    return events(...args);
  };
  const { port } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.pause();
  socket.on("error", () => {}); // the reset is what the test is about
  socket.write(
    `GET /v1/tasks/${id}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await vi.waitFor(() => expect(service.listenerCount(id)).toBe(1));
  await vi.waitFor(() => expect(service.listenerCount(id)).toBe(0), { timeout: 5_000 });
  expect(pages).toBe(1);
  socket.destroy();
});

test("closing the server ends its streams without an end event", async () => {
  const { call, submit, close } = await startTestServer();
  const { id } = await submit();
  const stream = readStream(await call(`/v1/tasks/${id}/events`, asStream));
  expect(await stream.next()).toMatchObject({ event: "task.created" });
  await close();
  expect(await stream.next().catch(() => null)).toBeNull();
});

test("a stream that breaks inside is cut and logged", async () => {
  const { call, submit, service, logged } = await startTestServer();
  const { id } = await submit();
  const stream = readStream(await call(`/v1/tasks/${id}/events`, asStream));
  expect(await stream.next()).toMatchObject({ event: "task.created" });
  service.events = () => Promise.reject(new Error("database gone"));
  service.emit(id, "task.planning", "Planning");
  expect(await stream.next().catch(() => null)).toBeNull();
  expect(logged).toMatchObject([{ level: "error" }]);
});
