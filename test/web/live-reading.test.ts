import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Outcome, startLiveReading } from "../../web/src/data/live-reading.ts";

/** What the stream repeats: a slow answer arrives, none is asked for twice at a time, a lost one again. */

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const coalesceMs = 250;

function start() {
  const signals: AbortSignal[] = [];
  const ends: ((outcome: Outcome) => void)[] = [];
  const reading = startLiveReading((signal) => {
    signals.push(signal);
    return new Promise((resolve) => ends.push(resolve));
  }, coalesceMs);
  /** The reading that runs ends so. */
  const end = async (outcome: Outcome) => {
    ends.at(-1)?.(outcome);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { reading, signals, end, pass: () => vi.advanceTimersByTimeAsync(coalesceMs) };
}

test("a reading in flight is not ended by what changes meanwhile, and is done once more after it", async () => {
  const { reading, signals, end, pass } = start();
  reading.again();
  for (let count = 0; count < 20; count++) {
    reading.heard(true);
    await pass();
  }
  expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  await end("done");
  expect(signals).toHaveLength(2);
  await end("done");
  await pass();
  expect(signals).toHaveLength(2);
});

test("what does not concern it is a reason only after one that was lost", async () => {
  const { reading, signals, end, pass } = start();
  reading.again();
  await end("done");
  reading.heard(false);
  await pass();
  expect(signals).toHaveLength(1);
  reading.heard(true);
  reading.heard(true); // close together
  await pass();
  expect(signals).toHaveLength(2);
  await end("lost");
  reading.heard(false);
  await pass();
  expect(signals).toHaveLength(3);
  await end("done");
  reading.heard(false);
  await pass();
  expect(signals).toHaveLength(3);
});

test("one that never ends is given up, and stopping ends all of it", async () => {
  const { reading, signals, end, pass } = start();
  reading.again();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(signals[0]?.reason).toMatchObject({ name: "TimeoutError" });
  await end("lost");
  reading.heard(false);
  await pass();
  reading.heard(true);
  reading.stop();
  expect(signals[1]?.reason).toMatchObject({ name: "AbortError" });
  await end("done");
  await pass();
  reading.heard(true);
  reading.again();
  await pass();
  expect(signals).toHaveLength(2);
});
