import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { newId } from "../../src/core/base/id.ts";
import { makeRedact } from "../../src/core/text/redact.ts";
import { openChannels } from "../../src/notifier/channels/open-channels.ts";
import {
  deliverDueNotifications,
  type NotifierDeps,
} from "../../src/notifier/deliver-notifications.ts";
import { notificationRows } from "../../src/notifier/notification-rows.ts";
import { type NotifierConfig, secretsOf } from "../../src/notifier/notifier-config.ts";
import { startNotifier } from "../../src/notifier/run-notifier.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import {
  insertNotifications,
  nextNotificationDelayMs,
} from "../../src/store/pushes/notifications.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { startPostgresProxy } from "../support/postgres-proxy.ts";
import { noChannels, type Receiver, startReceiver } from "./receiver.ts";

const secret = `whsec_${Buffer.from("a secret of twenty-four!").toString("base64")}`;
let database: TestDatabase;
let store: Store;
let receiver: Receiver;
let config: NotifierConfig;
let logged: string[];

beforeAll(async () => {
  database = await createTestDatabase();
  store = await openStore(database.connection, {
    onError: (error) => {
      throw error;
    },
  });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});
beforeEach(async () => {
  await store.db.deleteFrom("notifications").execute();
  receiver = await startReceiver();
  logged = [];
  config = {
    ...noChannels,
    ntfy: { url: receiver.url, topic: "topic-of-mine", token: "tk_secret" },
    publicUrl: "https://deputy.example",
  };
});
afterEach(() => receiver.close());

const deps = (changes: Partial<NotifierDeps> = {}): NotifierDeps => ({
  db: store.db,
  channels: openChannels(config),
  manners: config.manners,
  redact: makeRedact(secretsOf(config)),
  log: (level, fields, message) => logged.push(`${level} ${message} ${JSON.stringify(fields)}`),
  ...changes,
});
const task = {
  id: newId("task"),
  goal: "Repair the parser",
  state: "completed" as const,
  branch: "deputy/repair",
  deliveryUrl: null,
  repository: "https://github.com/acme/app.git",
  origin: { subject: null, outsideText: null },
};
/** Each of a task of its own; returns their ids. A question without an id is never settled. */
async function enqueue(
  count = 1,
  type: "task.completed" | "question.asked" = "task.completed",
): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    const event = { id: newId("event"), type, message: "Completed: it" };
    const own = { ...task, id: newId("task") };
    await insertNotifications(
      store.db,
      notificationRows(event, own, config, (text) => text),
    );
    ids.push(own.id);
  }
  return ids;
}
const rows = () => store.db.selectFrom("notifications").selectAll().orderBy("id").execute();
const makeDue = () =>
  store.db
    .updateTable("notifications")
    .set({ nextAt: new Date(0) })
    .execute();

test("ntfy gets one message at the server's root, with title, priority, tags, link and token", async () => {
  const [taskId] = await enqueue();
  expect(await deliverDueNotifications(deps())).toBe(1);
  expect(receiver.received).toHaveLength(1);
  const [request] = receiver.received;
  expect(request).toMatchObject({
    method: "POST",
    path: "/",
    headers: { authorization: "Bearer tk_secret", "content-type": "application/json" },
  });
  expect(JSON.parse(request?.body ?? "")).toEqual({
    topic: "topic-of-mine",
    title: "Done: Repair the parser",
    message: `acme/app · ${taskId}`,
    priority: 3,
    tags: ["white_check_mark"],
    click: `https://deputy.example/tasks/${taskId}`,
    sequence_id: taskId,
  });
  expect(await deliverDueNotifications(deps())).toBe(0);
  expect(await rows()).toMatchObject([{ attempts: 1, sentAt: expect.any(Date), lastError: null }]);
});

test.each([
  ["whsec_ and base64", secret, () => new Webhook(secret)],
  [
    "any words",
    "not base64, but mine",
    () => new Webhook(Buffer.from("not base64, but mine"), { format: "raw" }),
  ],
])("a webhook signed with %s passes the convention's own check", async (_, value, verifier) => {
  config = { ...config, ntfy: null, webhook: { url: `${receiver.url}/hook?a=b`, secret: value } };
  const [taskId] = await enqueue();
  expect(await deliverDueNotifications(deps())).toBe(1);
  const [request] = receiver.received;
  expect(request?.path).toBe("/hook?a=b");
  const headers = request?.headers as Record<string, string>;
  expect(headers["webhook-id"]).toMatch(/^evt_/);
  expect(verifier().verify(request?.body ?? "", headers)).toMatchObject({
    type: "task.completed",
    timestamp: expect.stringMatching(/Z$/),
    data: { task_id: taskId, branch: "deputy/repair" },
  });
  expect(() => verifier().verify(`${request?.body} `, headers)).toThrow();
});

test("an event has one row for each channel, however often it is written", async () => {
  config = { ...config, webhook: { url: receiver.url, secret } };
  const event = { id: newId("event"), type: "task.failed" as const, message: "m" };
  for (let n = 0; n < 3; n++) {
    await insertNotifications(
      store.db,
      notificationRows(event, task, config, (text) => text),
    );
  }
  expect((await rows()).map(({ channel }) => channel).toSorted()).toEqual(["ntfy", "webhook"]);
});

test("several processes at once send each row once", async () => {
  const ids = await enqueue(60);
  const sent = await Promise.all(Array.from({ length: 4 }, () => deliverDueNotifications(deps())));
  expect(sent.reduce((a, b) => a + b)).toBe(60);
  const got = receiver.received.map(({ body }) => JSON.parse(body).sequence_id as string);
  expect(got.toSorted()).toEqual(ids.toSorted());
});

test("a row whose count has no room for one more is refused, and keeps none of the others", async () => {
  await enqueue(2);
  const [bad] = await rows();
  await store.db
    .updateTable("notifications")
    .set({ attempts: 2 ** 31 - 1 })
    .where("id", "=", bad?.id ?? "")
    .execute();
  expect(await deliverDueNotifications(deps())).toBe(1);
  expect(await rows()).toMatchObject([
    { sentAt: null, lastError: expect.stringContaining("its column attempts is wrong") },
    { sentAt: expect.any(Date) },
  ]);
});

test("what a server that is down did not take is sent when it is up, the same", async () => {
  await enqueue();
  const { url } = receiver;
  await receiver.close();
  expect(await deliverDueNotifications(deps())).toBe(0);
  const [row] = await rows();
  expect(row).toMatchObject({ attempts: 1, sentAt: null, claimedUntil: null });
  expect(row?.lastError).toMatch(/ECONNREFUSED/);
  const delay = await nextNotificationDelayMs(store.db);
  expect(delay).toBeGreaterThan(1_000);
  expect(delay).toBeLessThanOrEqual(10_000);
  // Nothing is sent before its time.
  expect(await deliverDueNotifications(deps())).toBe(0);
  expect(await rows()).toMatchObject([{ attempts: 1 }]);

  receiver = await startReceiver();
  expect(url).not.toBe(receiver.url);
  config = { ...config, ntfy: { url: receiver.url, topic: "topic-of-mine", token: null } };
  await makeDue();
  expect(await deliverDueNotifications(deps())).toBe(1);
  expect(receiver.received).toHaveLength(1);
  expect(receiver.received[0]?.headers.authorization).toBeUndefined();
});

test.each([
  ["503", { status: 503 }, 5_000, 10_000, /^answered 503$/],
  [
    "429 with Retry-After",
    { status: 429, headers: { "retry-after": "600" } },
    599_000,
    600_000,
    /^answered 429$/,
  ],
  [
    "403",
    { status: 403, body: "forbidden\ntopic-of-mine" },
    150_000,
    300_000,
    /^answered 403: forbidden \[redacted\]$/,
  ],
  [
    "a redirect",
    { status: 302, headers: { location: "http://127.0.0.1:1/" } },
    150_000,
    300_000,
    /redirects are not followed/,
  ],
])("%s: again, later", async (_, answer, least, most, error) => {
  receiver.answer = () => answer;
  await enqueue();
  expect(await deliverDueNotifications(deps())).toBe(0);
  const [row] = await rows();
  expect(row?.lastError).toMatch(error);
  const delay = (await nextNotificationDelayMs(store.db)) ?? 0;
  expect(delay).toBeGreaterThan(least - 5_000);
  expect(delay).toBeLessThanOrEqual(most);
  expect(receiver.received).toHaveLength(1);
  expect(logged.join()).not.toMatch(/topic-of-mine|tk_secret/);
});

test("a server that does not answer is given up on, and does not hold up the others", async () => {
  receiver.answer = ({ body }) => (body.includes(ids[0] ?? "") ? "hang" : { status: 200 });
  const ids = await enqueue(3);
  expect(await deliverDueNotifications(deps({ timeoutMs: 300 }))).toBe(2);
  const [row] = (await rows()).filter(({ sentAt }) => sentAt === null);
  expect(row?.lastError).toBe("no answer within 0.3 s");
});

test("after three days it is given up, kept with its error, and never due again", async () => {
  receiver.answer = () => ({ status: 500 });
  await enqueue(1, "question.asked");
  await store.db
    .updateTable("notifications")
    .set({ createdAt: new Date(Date.now() - 73 * 3_600_000) })
    .execute();
  await deliverDueNotifications(deps());
  expect(await nextNotificationDelayMs(store.db)).toBeNull();
  expect(await deliverDueNotifications(deps())).toBe(0);
  expect(receiver.received).toHaveLength(1);
  expect(logged.at(-1)).toMatch(/^error notification not taken, given up/);
});

test("a channel that is not configured any more is said to be so", async () => {
  await enqueue();
  config = { ...config, ntfy: null };
  await deliverDueNotifications(deps());
  expect(await rows()).toMatchObject([
    { sentAt: null, lastError: "the channel ntfy is not configured any more" },
  ]);
});

test("what a dead process had claimed is due when its lease is over", async () => {
  await enqueue();
  await store.db
    .updateTable("notifications")
    .set({ attempts: 1, claimedUntil: new Date(Date.now() + 60_000) })
    .execute();
  expect(await deliverDueNotifications(deps())).toBe(0);
  await store.db
    .updateTable("notifications")
    .set({ claimedUntil: new Date(0) })
    .execute();
  expect(await deliverDueNotifications(deps())).toBe(1);
});

test("the notifier sends when it is woken, and gives back what has no answer when it stops", async () => {
  const notifier = startNotifier({ ...deps(), timeoutMs: 30_000 });
  await enqueue();
  notifier.wake();
  await receiver.got(1);
  receiver.answer = () => "hang";
  await enqueue();
  notifier.wake();
  await receiver.got(2);
  await notifier.stop();
  const open = (await rows()).filter(({ sentAt }) => sentAt === null);
  expect(open).toMatchObject([{ attempts: 0, claimedUntil: null, lastError: null }]);
  notifier.wake();
  expect(receiver.received).toHaveLength(2);
});

test("what was taken when the connection to the database broke is sent once", async () => {
  const proxy = await startPostgresProxy(database.connection);
  const own = await openStore(proxy.connection, { migrate: false, onError: () => {} });
  try {
    await enqueue();
    const broken = proxy.breakAfter("set sent_at");
    expect(await deliverDueNotifications(deps({ db: own.db }))).toBe(1);
    await broken;
    expect(await deliverDueNotifications(deps({ db: own.db }))).toBe(0);
    expect(receiver.received).toHaveLength(1);
  } finally {
    await own.close();
    await proxy.close();
  }
});
