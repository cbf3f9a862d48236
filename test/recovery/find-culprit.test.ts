import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { findCulprit } from "../../src/recovery/blame/find-culprit.ts";

/** Which of n merges turned a check red, with few probes and never by a guess. */
async function search(
  length: number,
  culprit: number,
  { atOnce = 1, unknownAt = -1 }: { unknownAt?: number; atOnce?: number } = {},
) {
  const probed: number[] = [];
  let running = 0;
  let most = 0;
  let rounds = 0;
  const steps = Array.from({ length }, (_, at) => at);
  const probe = async (step: number) => {
    probed.push(step);
    if (running === 0) rounds++;
    most = Math.max(most, ++running);
    await setImmediate();
    running--;
    if (step === unknownAt) return "unknown";
    return step >= culprit ? "red" : "green";
  };
  const found = await findCulprit(steps, probe, atOnce);
  return { found, most, probed, rounds };
}

test("it finds the culprit, asks about no step twice, and stays within its probes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 300 }),
      fc.nat(),
      fc.integer({ min: 1, max: 9 }),
      async (length, any, atOnce) => {
        const culprit = any % length;
        const { found, most, probed, rounds } = await search(length, culprit, { atOnce });
        expect(found).toBe(culprit);
        expect(new Set(probed).size).toBe(probed.length);
        expect(probed.length).toBeLessThanOrEqual(Math.ceil(Math.log2(length)) + 2);
        expect(most).toBeLessThanOrEqual(atOnce);
        const { rounds: oneByOne } = await search(length, culprit);
        expect(rounds).toBeLessThanOrEqual(oneByOne);
      },
    ),
  );
});

test("with free slots it runs probes at the same time, and ends in fewer rounds", async () => {
  const slowest = async (atOnce: number) => {
    const culprits = Array.from({ length: 20 }, (_, at) => at);
    const all = await Promise.all(culprits.map((at) => search(20, at, { atOnce })));
    return Math.max(...all.map(({ rounds }) => rounds));
  };
  expect([await slowest(1), await slowest(2), await slowest(4)]).toEqual([6, 4, 3]);
  expect(await search(8, 0, { atOnce: 2 })).toMatchObject({ found: 0, most: 2 });
});

test("the last merge is the most likely one: a single probe", async () => {
  expect(await search(100, 99)).toMatchObject({ found: 99, probed: [98] });
  expect(await search(1, 0)).toMatchObject({ found: 0, probed: [] });
});

test("where a probe cannot tell, nobody is blamed; and where there is nothing, neither", async () => {
  expect((await search(10, 3, { unknownAt: 8 })).found).toBeNull();
  expect((await search(0, 0)).found).toBeNull();
});
