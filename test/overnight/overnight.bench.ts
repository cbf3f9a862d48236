import { writeFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import type { Fault, Observed } from "./fault.ts";
import { agentFaults } from "./faults/agents.ts";
import { clientFaults } from "./faults/clients.ts";
import { clockFaults } from "./faults/clock.ts";
import { databaseFaults } from "./faults/database.ts";
import { gitFaults } from "./faults/git.ts";
import { modelFaults, modelRoles } from "./faults/model.ts";
import { outsideFaults } from "./faults/outside.ts";
import { processFaults } from "./faults/process.ts";
import { findFlaws, judge } from "./judge.ts";
import { runNight } from "./mix.ts";
import { describeNight, type Night, writeReport } from "./report.ts";
import { pickTelling } from "./short.ts";
import { makeRandom, percentile } from "./stats.ts";
import { NotDeputy } from "./system.ts";
import { bystanders, makeWorld, waiting } from "./world.ts";

/** Each fault alone, in a world of its own. */
const only = new RegExp(process.env.DEPUTY_OVERNIGHT_ONLY ?? "");
const repeat = Number(process.env.DEPUTY_OVERNIGHT_REPEAT ?? 1);
const all: Fault[] = [
  ...processFaults,
  ...agentFaults,
  ...modelFaults,
  ...databaseFaults,
  ...gitFaults,
  ...clientFaults,
  ...clockFaults,
  ...outsideFaults,
];
const isShort = Boolean(process.env.DEPUTY_OVERNIGHT_SHORT);
const faults = (isShort ? pickTelling(all) : all).filter(({ name }) => only.test(name));
const runs = Array.from({ length: repeat }, () => faults).flat();
const alone: Observed[] = [];
/** What cannot be tried here, with the reason. */
const untried = new Set<string>();

describe("alone", () => {
  test.concurrent.each(runs.map((fault) => [fault.name, fault] as const))(
    "%s",
    async (name, fault) => {
      const reason = fault.missing?.() ?? null;
      if (reason !== null) return void untried.add(`${name} (${reason})`);
      const startedAt = performance.now();
      const seen = await tryAlone(fault);
      if (seen === null) return void untried.add(`${name} (it reaches into Deputy)`);
      alone.push(seen);
      const took = Math.round((performance.now() - startedAt) / 100) / 10;
      console.log(`${took} s  ${name}: ${seen.fired}; ${JSON.stringify(seen.ends)}`);
      expect(findFlaws(seen)).toEqual([]);
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
        const start = await world.usage();
        const random = makeRandom(seed);
        const untilMs = Date.now() + minutes * 60_000;
        const happened = await runNight(world, { random, untilMs, atOnce: 8 });
        const fired = happened.length > 0 ? `${happened.length} faults` : null;
        const night = {
          seed,
          minutes,
          happened,
          observed: await judge(world, fault, fired, start),
        };
        nights.push(night);
        console.log(describeNight(night).join("\n"));
        expect(findFlaws(night.observed)).toEqual([]);
      } finally {
        await world.close();
      }
    },
    86_400_000,
  );
});

test.skipIf(isShort)("95 of 100 starts are back to progress within five seconds", () => {
  const times = [...alone, ...nights.map(({ observed }) => observed)].flatMap(
    ({ recoveryMs }) => recoveryMs,
  );
  expect(percentile(times, 0.95)).toBeLessThan(5_000);
});

/** Null: it cannot be tried on a system that is not Deputy. */
async function tryAlone(fault: Fault): Promise<Observed | null> {
  const world = await makeWorld(fault, modelRoles);
  try {
    const start = await world.usage();
    const load = fault.load?.(world) ?? [waiting(world)];
    const submitting = Promise.all([...load, ...bystanders()].map(world.submit));
    const unseen: string[] = [];
    const injecting = fault.inject(world).catch((error: Error) => {
      if (error instanceof NotDeputy) throw error;
      unseen.push(error.message);
      return null;
    });
    const [fired] = await Promise.all([injecting, submitting]);
    await world.letGo();
    const seen = await judge(world, fault, fired, start);
    return { ...seen, unexpected: [...seen.unexpected, ...unseen] };
  } catch (error) {
    if (error instanceof NotDeputy) return null;
    throw error;
  } finally {
    await world.close();
  }
}

afterAll(() => {
  const path = process.env.DEPUTY_OVERNIGHT_REPORT;
  if (!path) return;
  writeFileSync(path, JSON.stringify({ alone, nights }, null, 2));
  writeFileSync(`${path}.md`, writeReport({ alone, repeat, nights, untried: [...untried] }));
});
