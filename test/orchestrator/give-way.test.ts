import { expect, test } from "vitest";
import type { Claim } from "../../src/core/outcome.ts";
import { giveWay, watchRush, watchUrgency } from "../../src/orchestrator/give-way.ts";

const claim: Claim = {
  stage: "verify",
  taskId: "task_1",
  subtaskId: null,
  attemptId: null,
  epoch: 1,
};
const refused = async () => ({ kind: "refused", detail: "" }) as const;
const { signal } = new AbortController();
const freeSlot = () => {};

test("a stage that gives way begins when the urgent work is done", async () => {
  const urgency = watchUrgency();
  const done = [urgency.begin(), urgency.begin()];
  const order: string[] = [];
  const stage = giveWay(urgency.isOn, 60_000, async () => {
    order.push("stage");
    return refused();
  });
  const outcome = stage(claim, signal, freeSlot);
  for (const end of done) {
    order.push("urgent work ends");
    end();
    end(); // saying it twice is saying it once
  }
  expect((await outcome).kind).toBe("refused");
  expect(order).toEqual(["urgent work ends", "urgent work ends", "stage"]);
});

test("it does not wait for a calm that never comes, and not after an abort", async () => {
  const busy = () => true;
  expect((await giveWay(busy, 1, refused)(claim, signal, freeSlot)).kind).toBe("refused");
  const controller = new AbortController();
  const waiting = giveWay(busy, 60_000, refused)(claim, controller.signal, freeSlot);
  controller.abort("cancelled");
  await expect(waiting).rejects.toThrow();
});

test("sixteen in a moment are a rush, fifteen are none", () => {
  const rush = watchRush(16, 10_000);
  for (let i = 0; i < 15; i++) rush.note();
  expect(rush.isOn()).toBe(false);
  rush.note();
  expect(rush.isOn()).toBe(true);
});
