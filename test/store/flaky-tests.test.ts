import { afterAll, beforeAll, expect, test } from "vitest";
import { listFlakyTests, recordFlips } from "../../src/store/records/flaky-tests.ts";
import { deleteLeftovers } from "../../src/store/records/leftovers.ts";
import { type Bench, makeBench } from "../support/orchestrator.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

test("flips are counted per repository and check, and forgotten when they were long not seen", async () => {
  const of = { repository: "/r", command: "npm test" };
  await recordFlips(bench.db, of, ["a > x", "b", "b"]);
  await recordFlips(bench.db, of, ["b"]);
  await recordFlips(bench.db, { ...of, command: "make" }, ["c"]);
  await recordFlips(bench.db, of, []);
  expect(await listFlakyTests(bench.db, of)).toMatchObject([
    { test: "a > x", timesFlipped: 1 },
    { test: "b", timesFlipped: 2 },
  ]);
  expect(await listFlakyTests(bench.db, { ...of, repository: "/other" })).toEqual([]);
  const { flakyTests } = await deleteLeftovers(bench.db, new Date(Date.now() + 60_000));
  expect(flakyTests).toBe(3);
});
