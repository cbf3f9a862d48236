import { expect, test } from "vitest";
import type { WarmRepository } from "../src/core/settings/readiness.ts";
import { makeWarmer } from "../src/daemon/housekeeping/keep-warm.ts";
import type { Db } from "../src/store/database/schema.ts";

/** A setup may take longer than anybody waits for an answer. */
const made: WarmRepository = {
  ...{ repository: "/app", baseRef: "main", baseCommit: "a".repeat(40), setup: ["npm ci"] },
  ...{ state: "made", detail: "Setup ran.", madeAt: new Date(0), setupMs: 1 },
};

function open(waitMs: number) {
  const calls: { signal: AbortSignal; settle: (answer: WarmRepository | Error) => void }[] = [];
  const warmer = makeWarmer({
    db: null as unknown as Db, // only `warmRecent` reads it
    waitMs,
    checkRepository: async (repository) => repository.replace(/\/$/, ""),
    make: (_about, signal) =>
      new Promise((resolve, reject) => {
        calls.push({
          signal,
          settle: (answer) => (answer instanceof Error ? reject(answer) : resolve(answer)),
        });
      }),
  });
  return { calls, warmer };
}

test("who asks again for the same joins what runs, and gets its result", async () => {
  const { calls, warmer } = open(1);
  expect(await warmer.warm("/app/", null)).toMatchObject({ repository: "/app", state: "making" });
  expect(await warmer.warm("/app", null)).toMatchObject({ state: "making", baseRef: null });
  expect(calls).toHaveLength(1);
  const other = warmer.warm("/app", "v1");
  expect(await other).toMatchObject({ state: "making" });
  expect(calls).toHaveLength(2);
  const patient = open(60_000);
  const both = [patient.warmer.warm("/app", null), patient.warmer.warm("/app/", null)];
  await expect.poll(() => patient.calls.length).toBe(1);
  patient.calls[0]?.settle(made);
  expect(await Promise.all(both)).toEqual([made, made]);
});

test("one that fails is run again for the next who asks, and a stop ends what runs", async () => {
  const { calls, warmer } = open(60_000);
  const first = warmer.warm("/app", null);
  await expect.poll(() => calls.length).toBe(1);
  calls[0]?.settle(new Error("no such branch"));
  await expect(first).rejects.toThrow("no such branch");
  const second = warmer.warm("/app", null);
  await expect.poll(() => calls.length).toBe(2);
  const stopped = warmer.stop();
  expect(calls[1]?.signal.aborted).toBe(true);
  calls[1]?.settle(new Error("stopped"));
  await expect(second).rejects.toThrow("stopped");
  await stopped;
});
