import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bench, makeBench } from "../support/orchestrator.ts";
import { besidePostgres } from "./both-stores.ts";
import { playBatch } from "./simulate.ts";

/** The store in memory does what PostgreSQL does: some stories, told to both. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

test.each([1, 2, 3])(
  "seed %s: both stores answer the same, and hold the same rows",
  async (seed) => {
    const { counts } = await playBatch(seed, { ofBatch: 1, beside: besidePostgres(bench) });
    expect(counts.get("fair end")).toBe(1);
  },
);
