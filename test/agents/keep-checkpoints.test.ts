import { expect, test } from "vitest";
import { keepAfterEvents, keepNowAndThen } from "../../src/agents/keep-checkpoints.ts";

/** A checkpoint that lasts until it is let go. */
function makeKeep() {
  let started = 0;
  let running = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  const begun: (() => void)[] = [];
  return {
    most: () => most,
    count: () => started,
    keep: async () => {
      started++;
      most = Math.max(most, ++running);
      begun.shift()?.();
      await new Promise<void>((resolve) => waiting.push(resolve));
      running--;
      return true;
    },
    /** Resolves when the next one has begun. */
    next: () => new Promise<void>((resolve) => begun.push(resolve)),
    letGo: () => waiting.shift()?.(),
  };
}

test("fast events share a checkpoint, there is one at a time, and the last one is of the end", async () => {
  const { keep, next, letGo, most, count } = makeKeep();
  const checkpoints = keepAfterEvents(keep, 1);
  const first = next();
  for (let i = 0; i < 100; i++) checkpoints.notice();
  await first;
  const second = next();
  for (let i = 0; i < 100; i++) checkpoints.notice();
  letGo();
  await second;
  checkpoints.notice();
  const third = next();
  const finished = checkpoints.finish();
  letGo();
  await third;
  letGo();
  await finished;
  expect([count(), most()]).toEqual([3, 1]);
});

test("one that fails is made up for by the next; the last one's trouble is told", async () => {
  let tries = 0;
  const checkpoints = keepAfterEvents(async () => {
    tries++;
    throw new Error("disk full");
  }, 1);
  checkpoints.notice();
  await expect(checkpoints.finish()).rejects.toThrow("disk full");
  expect(tries).toBe(1);
});

test("by time, the next one begins when the last one has ended, until it is stopped", async () => {
  const { keep, next, letGo, most, count } = makeKeep();
  const first = next();
  const stop = keepNowAndThen(keep, 1);
  await first;
  const second = next();
  letGo();
  await second;
  const stopped = stop();
  letGo();
  await stopped;
  expect([count(), most()]).toEqual([2, 1]);
});
