import { afterAll, beforeAll, expect, test } from "vitest";
import { deleteLeftovers } from "../../src/store/records/leftovers.ts";
import { listEndedFor, syncChains } from "../../src/store/triggers/chains.ts";
import { insertDelivery, settleDelivery } from "../../src/store/triggers/inbox.ts";
import { type Bench, makeBench } from "../support/orchestrator.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

test("a task is followed once, and a rule's own never, also after old deliveries were deleted", async () => {
  const { database, db } = bench;
  await syncChains(db, ["follow"]);
  const [first, second] = [await bench.submit(), await bench.submit()];
  await database.query(
    `update tasks set state = 'completed', hold_kind = null, hold_owner = null, hold_at = null,
      hold_on = null, hold_reason = null, ended_at = now() + interval '1 second'`,
  );
  const about = { rule: "follow", state: "completed", after: null, from: null };
  const listed = async () => (await listEndedFor(db, about)).map(({ id }) => id);
  expect((await listed()).toSorted()).toEqual([first, second].toSorted());

  // What follows the first is the second.
  const deliveryId = `tasks:follow:${first}`;
  const delivery = { deliveryId, event: "follow", action: null, payload: {} };
  await insertDelivery(db, { ...delivery, source: "tasks" });
  await insertDelivery(db, { ...delivery, deliveryId: "other", source: "github" });
  await database.query(
    "update inbox set admitted_at = now(), rule = 'follow' where source = 'tasks'",
  );
  await settleDelivery(db, deliveryId, { result: "started", subject: null, taskId: second });
  await settleDelivery(db, "other", { result: "ignored", subject: null, taskId: null });
  expect(await listed()).toEqual([]);
  const { deliveries } = await deleteLeftovers(db, new Date(Date.now() + 60_000));
  expect(deliveries).toBe(1);
  expect(await listed()).toEqual([]);
});
