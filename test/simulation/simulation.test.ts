import { expect, test } from "vitest";
import { type Player, shareBatches } from "./share-batches.ts";
import { type Batch, play, playBatch } from "./simulate.ts";
import { stories } from "./stories.ts";

/**
 * The transitions on a store in memory, with crashes, late reports, people and time drawn at random.
 * `npm run bench:simulation` takes a million steps on all cores; the suite takes some, each time from another
 * seed.
 */
const steps = Number(process.env.DEPUTY_SIMULATION_STEPS ?? 15_000);
const seed = Number(process.env.DEPUTY_SIMULATION_SEED ?? Date.now() % 1_000_000_000);

test(`${steps} steps from seed ${seed}: every rule holds after each, and each story comes to its end`, async () => {
  const { failures } = await shareBatches([playing(playBatch)], seed, steps);
  for (const { error } of failures) throw error;
});

test.each(Object.entries(stories))("%s", async (_, story) => {
  await play(story);
});

function playing(playOne: Player["play"]): Player {
  return { play: playOne, end: async () => {} };
}

/** A batch of as many steps as the last digit of its seed, which is met once. */
const small = (of: number): Batch => ({ steps: of % 10, counts: new Map([[`seed ${of}`, 1]]) });

test("the same batches count, however many play them and however fast", async () => {
  const now = playing(async (of) => small(of));
  const alone = await shareBatches([now], 108, 12);
  expect(alone).toMatchObject({ taken: 17, failures: [] });
  expect([...alone.counts.keys()]).toEqual(["seed 108", "seed 109"]);
  // One has not played the first batch when the other has played enough.
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const slow = playing(async (of) => {
    await gate;
    return small(of);
  });
  const fast = playing(async (of) => {
    if (of === 112) letGo();
    return small(of);
  });
  expect(await shareBatches([slow, fast], 108, 12)).toEqual(alone);
});

test("a batch that fails is named by its seed, and no further ones begin", async () => {
  const begun: number[] = [];
  const failing = playing(async (of) => {
    begun.push(of);
    if (of === 103) throw new Error("a rule is broken");
    return small(of);
  });
  const { failures } = await shareBatches([failing, failing], 101, 1_000);
  expect(failures.map(({ seed: failed }) => failed)).toEqual([103]);
  expect(begun).toEqual([101, 102, 103, 104]);
});
