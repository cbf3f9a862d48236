import fc from "fast-check";
import { expect, test } from "vitest";
import { findCulprit } from "../../src/recovery/blame/find-culprit.ts";

/** Which of n merges turned a check red, with few probes and never by a guess. */
async function search(length: number, culprit: number, unknownAt: number | null = null) {
  const probed: number[] = [];
  const steps = Array.from({ length }, (_, at) => at);
  const found = await findCulprit(steps, async (step) => {
    probed.push(step);
    if (step === unknownAt) return "unknown";
    return step >= culprit ? "red" : "green";
  });
  return { found, probed };
}

test("it finds the culprit, asks about no step twice, and stays within its probes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 300 }), fc.nat(), async (length, any) => {
      const culprit = any % length;
      const { found, probed } = await search(length, culprit);
      expect(found).toBe(culprit);
      expect(new Set(probed).size).toBe(probed.length);
      expect(probed.length).toBeLessThanOrEqual(Math.ceil(Math.log2(length)) + 1);
    }),
  );
});

test("the last merge is the most likely one: a single probe", async () => {
  expect(await search(100, 99)).toEqual({ found: 99, probed: [98] });
  expect(await search(1, 0)).toEqual({ found: 0, probed: [] });
});

test("where a probe cannot tell, nobody is blamed; and where there is nothing, neither", async () => {
  expect((await search(10, 3, 8)).found).toBeNull();
  expect((await search(0, 0)).found).toBeNull();
});
