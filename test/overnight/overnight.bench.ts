import { writeFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import type { Fault, Observed } from "./fault.ts";
import { agentFaults } from "./faults/agents.ts";
import { databaseFaults } from "./faults/database.ts";
import { gitFaults } from "./faults/git.ts";
import { modelFaults, modelRoles } from "./faults/model.ts";
import { outsideFaults } from "./faults/outside.ts";
import { processFaults } from "./faults/process.ts";
import { judge } from "./judge.ts";
import { makeRandom, runNight } from "./mix.ts";
import { describeNight, type Night, writeReport } from "./report.ts";
import { bystanders, makeWorld, waiting } from "./world.ts";

/** Each fault alone, in a world of its own. */
const only = new RegExp(process.env.DEPUTY_OVERNIGHT_ONLY ?? "");
const faults: Fault[] = [
  ...processFaults,
  ...agentFaults,
  ...modelFaults,
  ...databaseFaults,
  ...gitFaults,
  ...outsideFaults,
].filter(({ name }) => only.test(name));
const observed: Observed[] = [];

describe("alone", () => {
  test.concurrent.each(faults.map((fault) => [fault.name, fault] as const))(
    "%s",
    async (name, fault) => {
      const reason = fault.missing?.() ?? null;
      if (reason !== null) return void console.warn(`${name}: not tried, ${reason}`);
      const startedAt = performance.now();
      const seen = await tryAlone(fault);
      observed.push(seen);
      const took = Math.round((performance.now() - startedAt) / 100) / 10;
      console.log(`${took} s  ${name}: ${seen.fired}; ${JSON.stringify(seen.ends)}`);
      expect(seen.fired, "it fired").not.toBeNull();
      expect(seen.duplicates).toEqual([]);
      expect(seen.healthyStopped).toEqual([]);
      expect(seen.leftovers).toEqual([]);
      expect(seen.ends, JSON.stringify(seen.words)).toEqual(seen.wanted);
    },
  );
});

/** Nights of random faults over a long queue, one after the other. */
const minutes = Number(process.env.DEPUTY_OVERNIGHT_MINUTES ?? 1);
const firstSeed = Number(process.env.DEPUTY_OVERNIGHT_SEED ?? Date.now() % 1_000_000);
const seeds = Array.from(
  { length: Number(process.env.DEPUTY_OVERNIGHT_NIGHTS ?? 1) },
  (_, index) => firstSeed + index,
);
const nights: Night[] = [];

describe("in random order", () => {
  test.each(seeds)(
    `a night of ${minutes} minutes, seed %i`,
    async (seed) => {
      const fault = { name: "a night", layer: "process", what: "random faults" } as const;
      // Killed every few seconds, it may well finish nothing three times in a row.
      const env = { DEPUTY_CONCURRENCY: "4", DEPUTY_CRASH_LOOP_BOOTS: "0" };
      const world = await makeWorld({ env });
      try {
        const start = world.usage();
        const random = makeRandom(seed);
        const untilMs = Date.now() + minutes * 60_000;
        const happened = await runNight(world, { random, untilMs, atOnce: 8 });
        const seen = await judge(world, fault, `${happened.length} faults`, start);
        const night = { seed, minutes, happened, observed: seen };
        nights.push(night);
        console.log(describeNight(night).join("\n"));
        expect(happened.length, "faults fired").toBeGreaterThan(0);
        expect(seen.ends, JSON.stringify(seen.words)).toEqual(seen.wanted);
        expect(seen.duplicates).toEqual([]);
        expect(seen.healthyStopped).toEqual([]);
        expect(seen.leftovers).toEqual([]);
      } finally {
        await world.close();
      }
    },
    86_400_000,
  );
});

async function tryAlone(fault: Fault): Promise<Observed> {
  const world = await makeWorld(fault, modelRoles);
  try {
    const start = world.usage();
    const load = fault.load?.(world) ?? [waiting(world)];
    const submitting = Promise.all([...load, ...bystanders()].map(world.submit));
    const [fired] = await Promise.all([fault.inject(world), submitting]);
    await world.letGo();
    return await judge(world, fault, fired, start);
  } finally {
    await world.close();
  }
}

afterAll(() => {
  const path = process.env.DEPUTY_OVERNIGHT_REPORT;
  if (!path) return;
  writeFileSync(path, JSON.stringify({ observed, nights }, null, 2));
  writeFileSync(`${path}.md`, writeReport(observed, nights));
});
