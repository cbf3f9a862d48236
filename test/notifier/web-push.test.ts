import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { assertPushEndpoint, assertPushKeys } from "../../src/core/attention/push-endpoint.ts";
import { openWebPush } from "../../src/daemon/open-web-push.ts";
import { openChannels } from "../../src/notifier/channels/open-channels.ts";
import { deriveReplySecrets } from "../../src/notifier/replies/reply-secrets.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import { insertDevice } from "../../src/store/pushes/devices.ts";
import type { ClaimedNotification } from "../../src/store/pushes/notifications.ts";
import { listFailing, putSubscription } from "../../src/store/pushes/push-subscriptions.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type PushService, startPushService } from "../support/push-service.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";
import { noChannels } from "./receiver.ts";

/** Web Push to browsers that decrypt what they get, by a service that looks at who sends. */
let database: TestDatabase;
let store: Store;
let scratch: Scratch;
let service: PushService;
beforeAll(async () => {
  [database, scratch] = await Promise.all([createTestDatabase(), makeScratch()]);
  const options = { maxConnections: 4, migrate: false, onError: () => {} };
  store = await openStore(database.connection, options);
});
afterAll(async () => {
  await store.close();
  await Promise.all([database.drop(), scratch.remove()]);
});
beforeEach(async () => {
  await database.query("delete from devices");
  service = await startPushService();
});
afterEach(() => service.close());

const note: ClaimedNotification = {
  ...{
    id: "ntf_1",
    eventId: "evt_1",
    taskId: "task_1",
    channel: "web_push",
    attempts: 1,
    ageMs: 0,
  },
  ...{ title: "Needs an answer: Fix it", body: "May it start?", priority: 4, clickUrl: null },
  payload: { type: "question.asked" },
};
const options = () => ({ timeoutMs: 10_000, signal: new AbortController().signal });

async function open() {
  const webPush = { subject: "mailto:ada@example.org", hosts: [service.host] };
  const config = { ...noChannels, webPush, publicUrl: "https://deputy.example" };
  const paths = { webPushKey: scratch.at("web-push-key") };
  const settings = { notifier: config, paths } as unknown as Parameters<typeof openWebPush>[0];
  const deps = await openWebPush(settings, store.db, deriveReplySecrets("key"), (text) => text);
  const [channel] = openChannels(config, undefined, deps);
  if (!channel) throw new Error("Web Push is not configured");
  return { channel, deps };
}

async function subscribe(name: string, scope: "act" | "view" = "act") {
  await insertDevice(store.db, { id: name, name, scope, sessionHash: name });
  const { endpoint, keys } = service.subscribe(name);
  await putSubscription(store.db, name, { endpoint, ...keys });
}

test("each browser that may act decrypts a push, which Safari shows by itself", async () => {
  const { channel } = await open();
  expect(await channel.send(note, options())).toMatchObject({ kind: "nobody" });
  for (const name of ["phone", "laptop"]) await subscribe(name);
  await subscribe("guest", "view");
  expect(await channel.send(note, options())).toEqual({ kind: "taken" });
  expect(service.pushed.map(({ browser }) => browser).sort()).toEqual(["laptop", "phone"]);
  const [first] = service.pushed;
  expect(first).toMatchObject({
    subject: "mailto:ada@example.org",
    headers: {
      urgency: "high",
      ttl: String(7 * 24 * 60 * 60),
      topic: expect.stringMatching(/^[\w-]{32}$/),
    },
    payload: {
      web_push: 8030,
      notification: {
        ...{ title: note.title, body: note.body, tag: "task_1" },
        navigate: "https://deputy.example/tasks/task_1",
      },
    },
  });
  const long = { ...note, id: "ntf_2", priority: 2, body: `"${"ä\n".repeat(2_000)}` };
  await channel.send({ ...long, payload: { type: "plan.revised" } }, options());
  expect(service.pushed.at(-1)?.headers).toMatchObject({
    urgency: "low",
    ttl: String(24 * 60 * 60),
  });
});

test("the key is made once; who refuses waits alone, who is gone is forgotten, who fails is told", async () => {
  const { channel, deps } = await open();
  expect((await open()).deps?.keys).toEqual(deps?.keys);
  for (const name of ["phone", "laptop", "old"]) await subscribe(name);
  service.answer("laptop", 503);
  service.answer("old", 410);
  expect(await channel.send(note, options())).toMatchObject({ kind: "refused", hope: "likely" });
  const ids = await database.query(
    "select id from devices d join push_subscriptions s on s.device_id = d.id order by 1",
  );
  expect(ids).toEqual([{ id: "laptop" }, { id: "phone" }]);
  service.answer("laptop", 201);
  expect(await channel.send(note, options())).toEqual({ kind: "taken" });
  // What the phone took was not sent to it again.
  expect(service.pushed.map(({ browser }) => browser)).toEqual(["phone", "laptop"]);
  service.answer("laptop", 403);
  const again = (id: string) => channel.send({ ...note, id }, options());
  for (let n = 0; n < 4; n++) expect(await again("ntf_2")).toMatchObject({ kind: "refused" });
  expect(await listFailing(store.db)).toEqual([]);
  expect(await again("ntf_2")).toEqual({ kind: "taken" });
  expect(await listFailing(store.db)).toEqual([{ device: "laptop", lastError: "answered 403" }]);
  // From now on it holds up nothing.
  expect(await again("ntf_3")).toEqual({ kind: "taken" });
  service.answer("laptop", 201);
  await again("ntf_4");
  expect(await listFailing(store.db)).toEqual([]);
  await database.query("delete from devices where id = 'phone'");
  await again("ntf_5");
  expect(service.pushed.at(-1)?.browser).toBe("laptop");
});

test("pushes go to the makers' services alone, and to hosts that the owner named", () => {
  const { endpoint, keys } = service.subscribe("x");
  for (const good of [
    "https://web.push.apple.com/QabC",
    "https://fcm.googleapis.com/fcm/send/x:y",
    "https://updates.push.services.mozilla.com/wpush/v2/x",
    "https://wns2-by3p.notify.windows.com/w/?token=x",
  ])
    expect(() => assertPushEndpoint(good, [])).not.toThrow();
  for (const bad of [
    ...[endpoint, "https://evil.example/x", "https://push.apple.com.evil.example/", "x", ""],
    ...["http://web.push.apple.com/x", "https://web.push.apple.com:8443/x", "https://apple.com/"],
    ...["https://a@web.push.apple.com/", "https://127.0.0.1/x", "file:///etc/passwd"],
    ...["https://notify.windows.com.evil.example/", "https://evilpush.apple.com/"],
  ])
    expect(() => assertPushEndpoint(bad, []), bad).toThrow(/push service|Apple, Google/);
  expect(() => assertPushEndpoint(endpoint, [service.host])).not.toThrow();
  expect(() => assertPushEndpoint("http://push.lan/x", ["push.lan"])).toThrow("Apple, Google");
  expect(() => assertPushKeys(keys)).not.toThrow();
  const { auth, p256dh } = keys;
  for (const wrong of [
    { auth: "AAAA", p256dh },
    { auth, p256dh: Buffer.alloc(65, 4).toString("base64url") },
    { auth, p256dh: p256dh.slice(4) },
  ])
    expect(() => assertPushKeys(wrong)).toThrow("not those of a push subscription");
});
