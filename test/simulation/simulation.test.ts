import { test } from "vitest";
import { play, simulate } from "./simulate.ts";
import { stories } from "./stories.ts";

/**
 * The transitions on a store in memory, with crashes, late reports, people and time drawn at random.
 * `npm run bench:simulation` takes a million steps; the suite takes some, each time from another seed.
 */
const steps = Number(process.env.DEPUTY_SIMULATION_STEPS ?? 15_000);
const seed = Number(process.env.DEPUTY_SIMULATION_SEED ?? Date.now() % 1_000_000_000);

test(`${steps} steps from seed ${seed}: every rule holds after each, and each story comes to its end`, async () => {
  await simulate(seed, steps);
});

test.each(Object.entries(stories))("%s", async (_, story) => {
  await play(story);
});
