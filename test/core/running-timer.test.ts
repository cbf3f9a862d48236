import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startRunningTimer } from "../../src/core/base/running-timer.ts";

/** Only time in which the process ran counts towards a limit. */
let skewMs = 0;
const now = () => performance.now() + skewMs;
beforeEach(() => {
  skewMs = 0;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("an hour in which the process was stopped costs one step at most", async () => {
  const onLimit = vi.fn();
  const timer = startRunningTimer(60_000, onLimit, now);
  await vi.advanceTimersByTimeAsync(30_000);
  skewMs += 3_600_000;
  await vi.advanceTimersByTimeAsync(29_000);
  expect(onLimit).not.toHaveBeenCalled();
  expect(timer.elapsedMs()).toBeGreaterThan(58_000);
  await vi.advanceTimersByTimeAsync(1_100);
  expect(onLimit).toHaveBeenCalledOnce();
});

test("what stops it in the round in which the limit is reached is in time", async () => {
  const onLimit = vi.fn();
  const timer = startRunningTimer(1_000, onLimit, now);
  setTimeout(() => setImmediate(timer.stop), 999);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(onLimit).not.toHaveBeenCalled();
});

test("restarted, it counts from zero, and to the new limit", async () => {
  const onLimit = vi.fn();
  const timer = startRunningTimer(1_000, onLimit, now);
  for (let i = 0; i < 5; i++) {
    await vi.advanceTimersByTimeAsync(900);
    timer.restart();
  }
  timer.restart(100);
  await vi.advanceTimersByTimeAsync(90);
  expect(onLimit).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(20);
  expect(onLimit).toHaveBeenCalledOnce();
  timer.restart();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(onLimit).toHaveBeenCalledOnce();
});
