import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeCoverage, findGaps } from "./coverage.ts";
import { simulate } from "./simulate.ts";

const seed = Number(process.env.DEPUTY_SIMULATION_SEED);
const steps = Number(process.env.DEPUTY_SIMULATION_STEPS);
const report = process.env.DEPUTY_SIMULATION_REPORT ?? "";

/** Fewer steps meet what is rare by luck only. */
const enoughSteps = 500_000;

test(`${steps} steps from seed ${seed}`, async () => {
  const from = performance.now();
  const cpu = process.cpuUsage();
  const { counts, steps: taken } = await simulate(seed, steps);
  const seconds = (performance.now() - from) / 1_000;
  const { system, user } = process.cpuUsage(cpu);
  const processor = (system + user) / 1_000_000;
  const speed = `${taken} steps in ${seconds.toFixed(1)} s (${processor.toFixed(1)} s of one processor): ${Math.round(taken / seconds)} steps/s`;
  const gaps = findGaps(counts);
  const missing = gaps.map((gap) => `Missing: ${gap}`);
  writeFileSync(
    report,
    [describeCoverage(counts), ...missing, `Seed ${seed}: ${speed}`].join("\n"),
  );
  if (steps >= enoughSteps) expect(gaps).toEqual([]);
});
