import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { newId } from "../../src/core/base/id.ts";
import { needsPerson } from "../../src/core/forge/decide-repair.ts";
import { type Manners, plainManners, weekdays } from "../../src/core/settings/notify-settings.ts";
import { openChannels } from "../../src/notifier/channels/open-channels.ts";
import { deliverDueNotifications } from "../../src/notifier/deliver-notifications.ts";
import { notificationRows } from "../../src/notifier/notification-rows.ts";
import type { NotifierConfig } from "../../src/notifier/notifier-config.ts";
import { startNotifier } from "../../src/notifier/run-notifier.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import { inTransaction } from "../../src/store/database/transaction.ts";
import { insertNotifications } from "../../src/store/pushes/notifications.ts";
import { ringAt } from "../../src/store/pushes/snoozes.ts";
import { createTasks } from "../../src/store/tasks/create-task.ts";
import { plainTask } from "../support/orchestrator.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { noChannels, type Receiver, startReceiver } from "./receiver.ts";

/** The rows are the state of quiet hours: whoever dies or comes late, one digest stands for all of them. */
let database: TestDatabase;
let store: Store;
let receiver: Receiver;
let config: NotifierConfig;
beforeAll(async () => {
  database = await createTestDatabase();
  const onError = (error: Error) => {
    throw error;
  };
  store = await openStore(database.connection, { onError });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});
beforeEach(async () => {
  await store.db.deleteFrom("notifications").execute();
  receiver = await startReceiver();
  config = { ...noChannels, ntfy: { url: receiver.url, topic: "topic", token: null } };
});
afterEach(() => receiver.close());

const at = (hours: number) => {
  const time = new Date(Date.now() + hours * 3_600_000);
  return time.getUTCHours() * 60 + time.getUTCMinutes();
};
const quiet = (from: number, to: number): Manners => ({
  ...plainManners,
  quiet: { from: at(from), to: at(to), tz: "UTC", days: weekdays, breakThrough: 5 },
});
const night = quiet(-2, 2);
const day = quiet(2, 4);
const deps = (manners: Manners) => ({
  ...{ db: store.db, channels: openChannels(config), manners },
  redact: (text: string) => text,
  log: () => {},
});
/** Questions without an id: nothing settles them. */
async function ask(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const event = { id: newId("event"), type: "question.asked" as const, message: "Which?" };
    const task = {
      ...{ id: newId("task"), goal: `Do ${n}`, state: "running" as const, branch: null },
      ...{ deliveryUrl: null, repository: "/app", origin: { subject: null, outsideText: null } },
    };
    await insertNotifications(
      store.db,
      notificationRows(event, task, config, (text) => text),
    );
  }
}
const makeDue = () =>
  store.db
    .updateTable("notifications")
    .set({ nextAt: new Date() })
    .where("heldFrom", "is not", null)
    .execute();
const sent = () =>
  receiver.received.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body));

test("what two processes find due at once is one digest, however many rows there are", async () => {
  await ask(50);
  expect(await deliverDueNotifications(deps(night))).toBe(0);
  expect(sent()).toEqual([]);
  await makeDue();
  const both = await Promise.all([1, 2].map(() => deliverDueNotifications(deps(day))));
  expect(both.toSorted()).toEqual([0, 1]);
  expect(sent()).toMatchObject([{ title: "While it was quiet: 50 waiting for you", priority: 4 }]);
  expect(await deliverDueNotifications(deps(day))).toBe(0);
});

test("a digest that was written but not sent is the same one later, and stands for the same", async () => {
  await ask(2);
  await deliverDueNotifications(deps(night));
  await makeDue();
  receiver.answer = () => "hang";
  const dying = new AbortController();
  const round = deliverDueNotifications({ ...deps(day), signal: dying.signal });
  await receiver.got(1);
  dying.abort();
  await round;
  receiver.answer = () => ({ status: 200 });
  await ask(1); // comes after it, by day
  expect(await deliverDueNotifications(deps(day))).toBe(2);
  const [lost, ...rest] = sent();
  expect(rest).toHaveLength(2);
  expect(rest).toContainEqual(lost);
  expect(lost.title).toBe("While it was quiet: 2 waiting for you");
});

test("a start decides held rows by the settings of today; a broken row holds up none", async () => {
  await ask(3);
  await deliverDueNotifications(deps(night));
  const rows = await store.db.selectFrom("notifications").select("id").orderBy("id").execute();
  await store.db
    .updateTable("notifications")
    .set({ payload: "null", heldFrom: null, nextAt: new Date() })
    .where("id", "=", rows[0]?.id ?? "")
    .execute();
  const notifier = startNotifier(deps(day));
  await receiver.got(1);
  await notifier.stop();
  expect(sent().at(-1)).toMatchObject({ title: "While it was quiet: 2 waiting for you" });
  const broken = await store.db
    .selectFrom("notifications")
    .select(["lastError", "sentAt"])
    .where("id", "=", rows[0]?.id ?? "")
    .executeTakeFirstOrThrow();
  expect(broken).toMatchObject({ sentAt: null, lastError: expect.stringContaining("payload") });
});

test("delivered work that needs a person is in the digest, rings after a snooze, and not once it is decided", async () => {
  const id = newId("task");
  const made = {
    task: { ...plainTask, id },
    message: "Accepted",
    idempotency: null,
    approval: null,
  };
  await createTasks(store.db, [made]);
  const set = (changes: object) =>
    store.db.updateTable("tasks").set(changes).where("id", "=", id).execute();
  const over = { state: "completed", holdKind: null, holdReason: null, holdOn: null } as const;
  await set({ ...over, endDetail: `${needsPerson}its checks are red.` });
  const call = async () => {
    const event = { id: newId("event"), type: "task.needs_person" as const, message: "Red." };
    const task = {
      ...{ id, goal: "Do it", state: "completed" as const, branch: null, deliveryUrl: null },
      ...{ repository: "/app", origin: { subject: null, outsideText: null } },
    };
    await insertNotifications(
      store.db,
      notificationRows(event, task, config, (text) => text),
    );
  };
  await call();
  await deliverDueNotifications(deps(night));
  await makeDue();
  await deliverDueNotifications(deps(day));
  expect(sent()).toMatchObject([{ title: "While it was quiet: 1 waiting for you", priority: 4 }]);

  await inTransaction(store.db, (tx) => ringAt(tx, id, new Date()));
  await deliverDueNotifications(deps(day));
  expect(sent().at(-1)).toMatchObject({ title: expect.stringContaining("Needs you") });

  await call();
  await deliverDueNotifications(deps(night));
  await set({ acceptedAt: new Date() });
  await makeDue();
  await deliverDueNotifications(deps(day));
  expect(sent()).toHaveLength(2);
});
