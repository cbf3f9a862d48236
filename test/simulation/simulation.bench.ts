import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread } from "node:worker_threads";
import { answerSeeds, startPlayer } from "./batch-thread.ts";
import { describeCoverage, findGaps } from "./coverage.ts";
import { shareBatches } from "./share-batches.ts";

/** Fewer steps meet what is rare by luck only. */
const enoughSteps = 500_000;

/** What `npm run bench:simulation` runs, in its main thread and in one thread for each core. */
if (isMainThread) await main();
else answerSeeds();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      steps: { type: "string", default: "1000000" },
      seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
      cores: { type: "string", default: String(availableParallelism()) },
    },
  });
  const [seed, steps, cores] = [
    readNumber("--seed", values.seed, 0),
    readNumber("--steps", values.steps, 1),
    readNumber("--cores", values.cores, 1),
  ];
  const from = performance.now();
  const players = Array.from({ length: cores }, () => startPlayer(new URL(import.meta.url)));
  const { counts, failures, taken } = await shareBatches(players, seed, steps);
  await Promise.all(players.map((player) => player.end()));
  const seconds = (performance.now() - from) / 1_000;
  const { system, user } = process.cpuUsage();
  const processor = (system + user) / 1_000_000;
  const speed = `${taken} steps in ${seconds.toFixed(1)} s on ${cores} cores (${processor.toFixed(1)} s of one processor): ${Math.round(taken / seconds)} steps/s`;
  for (const { error, seed: failed } of failures) console.error(`Seed ${failed}: ${error}\n`);
  if (failures.length > 0) {
    process.exitCode = 1;
    return;
  }
  const gaps = findGaps(counts);
  const missing = gaps.map((gap) => `Missing: ${gap}`);
  console.log([describeCoverage(counts), ...missing, `Seed ${seed}: ${speed}`].join("\n"));
  if (steps >= enoughSteps && gaps.length > 0) process.exitCode = 1;
}

/** Nothing is tried with a number that nobody meant. */
function readNumber(name: string, text: string, least: number): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= least && text.trim() !== "") return number;
  console.error(`${name} ${text}: it has to be a whole number from ${least} on.`);
  process.exit(2);
}
