import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Ask, AskOption } from "../../src/core/attention/ask.ts";
import { DeputyError } from "../../src/core/base/error.ts";
import { newId } from "../../src/core/base/id.ts";
import { ntfyChannel } from "../../src/notifier/channels/ntfy.ts";
import { latestExpiryS, signCapability } from "../../src/notifier/replies/capability.ts";
import { examineServer } from "../../src/notifier/replies/examine-server.ts";
import { followTopic } from "../../src/notifier/replies/follow-topic.ts";
import { deriveReplySecrets } from "../../src/notifier/replies/reply-secrets.ts";
import { type Replies, startReplies } from "../../src/notifier/replies/start-replies.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import { keepAsk, useAsk } from "../../src/store/pushes/asks.ts";
import { type Ntfy, startNtfy } from "../support/ntfy.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

/** The reader of answers, on a real database and an ntfy server that misbehaves. */
let database: TestDatabase;
let store: Store;
let ntfy: Ntfy;
let replies: Replies | null = null;
beforeAll(async () => {
  database = await createTestDatabase();
  store = await openStore(database.connection, { onError: () => {} });
});
afterAll(async () => {
  await store?.close();
  await database?.drop();
});
beforeEach(async () => {
  ntfy = await startNtfy();
});
afterEach(async () => {
  await replies?.stop();
  replies = null;
  await ntfy.close();
});

const secrets = deriveReplySecrets("a key");
const options: AskOption[] = [
  { verb: "retry", label: "retry", risk: "low", answer: null },
  { verb: "accept", label: "accept", risk: "high", answer: null },
];
const serverOf = () => ({ url: ntfy.url, token: null });
const never = new AbortController().signal;

function start(
  press: (ask: Ask) => Promise<void> = async () => {},
  logged: string[] = [],
): Replies {
  replies = startReplies({
    ...{ db: store.db, secrets, publicUrl: "https://deputy.example", buttons: true, alive: true },
    ntfy: { ...serverOf(), topic: ntfy.topic },
    ...{ redact: (text) => text, askAgainMs: 5, privacy: "title" },
    log: (level, _, message) => logged.push(`${level} ${message}`),
    press: async (ask, option, message) => {
      await press(ask);
      await useAsk(store.db, ask.id, { option: ask.options.indexOf(option), by: "it", message });
    },
  });
  return replies;
}
async function ask(): Promise<Ask> {
  const id = randomBytes(9).toString("base64url");
  const about = { taskId: "task_1", questionId: null, options, days: 1 };
  return keepAsk(store.db, { id, eventId: newId("event"), ...about, pageHash: id });
}
const answer = (to: Ask, option = 0, expiresS = latestExpiryS(Date.now() / 1000)) =>
  ntfy.publish({
    topic: secrets.topic,
    message: signCapability(secrets.buttons, { ask: to.id, option, expiresS }),
  });
const told = (to: Ask, title: string) =>
  ntfy.card((card) => card.sequence_id === to.eventId && card.title === title);

test("an expired button says so, one of a high risk is junk, and forty answers get thirty words", async () => {
  const pressed: string[] = [];
  start(async ({ id }) => {
    pressed.push(id);
  });
  const late = await ask();
  await answer(late, 0, Math.floor(Date.now() / 1000) - 1);
  expect((await told(late, "Nothing was changed")).message).toBe(
    "Too late, nothing was changed: a button works for 12 hours at most. Use deputy show task_1.",
  );
  await answer(await ask(), 1);
  const many = await Promise.all(Array.from({ length: 40 }, ask));
  await Promise.all(many.map((one) => answer(one)));
  const last = await ask();
  await answer(last);
  const counts = { answered: 41, refused: 1, dropped: 1 };
  await expect.poll(() => replies?.counts(), { timeout: 20_000 }).toEqual(counts);
  expect(pressed).not.toContain(late.id);
  expect(ntfy.delivered()).toHaveLength(30);
});

test("what refuses an answer is told; a fault of ours does not keep the next one waiting", async () => {
  start(async ({ taskId }) => {
    throw new DeputyError("conflict", `${taskId} is running.`);
  });
  const one = await ask();
  await answer(one);
  expect((await told(one, "Nothing was changed")).message).toBe("task_1 is running.");
  await replies?.stop();
  const logged: string[] = [];
  start(async () => {
    throw new Error("a bug");
  }, logged);
  const two = await ask();
  await answer(two);
  await told(two, "That did not work");
  expect(logged).toContain("error a button of a push failed");
});

test("a push keeps its buttons and its link, and its text is cut to what ntfy carries", async () => {
  const button = { label: "retry", capability: "x".repeat(150) };
  const channel = ntfyChannel(
    { ...serverOf(), topic: ntfy.topic },
    {
      replyTopic: "deputy-reply-x",
      find: async () => ({ buttons: Array(4).fill(button), click: "https://deputy.example/q/x" }),
    },
  );
  const text = { title: "Long", body: "🙂".repeat(2_000), priority: 3, clickUrl: null };
  const ids = { id: "n", eventId: "e", taskId: "", channel: "ntfy", attempts: 1, ageMs: 0 };
  const options = { timeoutMs: 5_000, signal: never };
  const sent = await channel.send({ ...ids, ...text, payload: { tags: [] } }, options);
  expect(sent).toEqual({ kind: "taken" });
  const [pushed] = ntfy.delivered();
  expect(pushed).toMatchObject({
    // As many as ntfy takes.
    actions: Array(3).fill({
      ...{ action: "http", label: "retry", url: `${ntfy.url}/`, method: "POST", clear: true },
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ topic: "deputy-reply-x", message: button.capability }),
    }),
    message: expect.stringMatching(/^(?:🙂)+…$/u),
  });
  expect(Buffer.byteLength(JSON.stringify(pushed))).toBeLessThan(4_200);
  expect(Buffer.byteLength(pushed?.message ?? "")).toBeGreaterThan(2_000);
});

test("what an administrator sets right works without a restart", async () => {
  ntfy.setDown(503);
  const { facts, problems } = start();
  ntfy.setAccess(({ write }) => (write ? 403 : 200));
  ntfy.setDown(null);
  expect((await facts(5_000))?.buttons).toContain("demands a login");
  ntfy.setAccess(() => 200);
  await expect.poll(problems, { timeout: 5_000 }).toEqual([]);
});

test("a stream that is cut, or a server that is down, is read again from where it was", async () => {
  const pressed: string[] = [];
  const follow = (
    server: { url: string; token: null },
    last: { id: string | null },
    told: unknown[],
  ) =>
    followTopic({
      ...{ server, topic: "answers" },
      readLast: async () => last.id,
      keep: async (id) => {
        last.id = id;
      },
      onMessage: async (_, text) => {
        pressed.push(text);
        return true;
      },
      onJunk: () => pressed.push("junk"),
      onTrouble: (error) => told.push(error?.message ?? null),
      pauses: { firstMs: 5, mostMs: 20, refusedMs: 20, silenceMs: 500 },
    });
  const last = { id: null };
  const troubles: unknown[] = [];
  const following = follow(serverOf(), last, troubles);
  try {
    for (const message of ["one", "two"]) {
      await ntfy.publish({ topic: "answers", message });
      await expect.poll(() => pressed.at(-1)).toBe(message);
      ntfy.cut();
    }
    ntfy.setDown(503);
    ntfy.cut();
    await expect.poll(() => troubles).toContain("it answered 503");
    ntfy.setDown(null);
    await ntfy.publish({ topic: "answers", message: "three" });
    await expect.poll(() => pressed.at(-1)).toBe("three");
    ntfy.setAccess(() => 403);
    ntfy.cut();
    await expect.poll(() => troubles).toContain("it answered 403");
    ntfy.setAccess(() => 200);
    const before = troubles.length;
    await expect.poll(() => troubles.slice(before)).toContain(null);
    expect(pressed).toEqual(["one", "two", "three"]);
    const silence = "it has been silent for too long";
    // Silence for longer than a sign of life takes counts as broken.
    await expect.poll(() => troubles, { timeout: 5_000 }).toContain(silence);
  } finally {
    await following.stop();
  }
});

test("a line without an end takes no memory, and no redirect is followed", async () => {
  const seen: string[] = [];
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    if (requests === 1) return void response.writeHead(302, { location: ntfy.url }).end();
    response.write(`{"event":"message","id":"a","message":"${"x".repeat(100_000)}`);
    response.write(`${"y".repeat(100_000)}"}\n{"event":"message","id":"../a","message":"no"}\n`);
    response.write('{"event":"message","id":"b","message":"yes"}\n');
    if (request.url?.includes("poll")) response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const troubles: (string | null)[] = [];
  const following = followTopic({
    ...{ server: { url: `http://127.0.0.1:${port}`, token: null }, topic: "answers" },
    ...{ readLast: async () => null, keep: async () => {} },
    onMessage: async (_, text) => {
      seen.push(text);
      return true;
    },
    onJunk: () => seen.push("junk"),
    onTrouble: (error) => troubles.push(error?.message ?? null),
    pauses: { firstMs: 5, refusedMs: 5 },
  });
  await expect.poll(() => seen.slice(0, 3)).toEqual(["junk", "junk", "yes"]);
  expect(troubles[0]).toBe("it answered 302");
  expect(ntfy.requests).toEqual([]);
  await following.stop();
  server.closeAllConnections();
  server.close();
});

test("what a server can do is found out: a login for buttons, and no sequences before 2.17", async () => {
  const probe = () => examineServer(serverOf(), secrets.topic, never);
  expect(await probe()).toEqual({ buttons: null, sequences: null });
  expect(ntfy.scheduled(secrets.topic)).toEqual([]);
  ntfy.setAccess(({ token, write }) => (token === null && write ? 403 : 200));
  expect((await probe()).buttons).toMatch(/demands a login .* ntfy access everyone 'deputy-reply-/);
  ntfy.setAccess(({ write }) => (write ? 200 : 403));
  expect((await probe()).buttons).toContain("refuses this daemon to read");
  ntfy.setDown(500);
  await expect(probe()).rejects.toThrow("answered 500");
  const old = await startNtfy({ sequences: false });
  const facts = await examineServer({ url: old.url, token: null }, secrets.topic, never);
  expect(facts).toEqual({ buttons: null, sequences: expect.stringContaining("2.17") });
  await old.close();
});
