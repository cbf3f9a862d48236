import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeFolder, makeRepository, startDaemon } from "./support.mjs";

/**
 * A hundred tasks whose agent sleeps for a second, twenty at once. Twenty slots are busy for five
 * seconds at best; what is measured is how long they took, from the first agent's start to the last
 * one's end as the agents themselves wrote it down, while everything else of the tasks (planning,
 * worktrees, snapshots, checks, gates, deliveries) is done on the same machine.
 */
const tasks = 100;
const slots = 20;
const sleepS = Number(process.env.BENCH_SLEEP_S ?? 1);

export async function benchThroughput() {
  const repository = await makeRepository(5);
  const daemon = await startDaemon({ DEPUTY_CONCURRENCY: String(slots) });
  const stamps = await makeFolder("stamps");
  // The times are those of the files: a program that told them would take a part of the slots' time.
  const command = `: > ${stamps}/$DEPUTY_TASK_ID.start; sleep ${sleepS}; echo "// done" >> src/part-0/file-0.js; : > ${stamps}/$DEPUTY_TASK_ID.end`;
  const submit = (number) =>
    daemon.api("POST", "/v1/tasks", {
      goal: `Sleep for a second, ${number}`,
      repository,
      agent: `command:${command}`,
      checks: ["true"],
    });
  await daemon.untilOver((await submit(0)).id); // makes the mirror and the baseline
  const submittedAt = Date.now();
  const ids = await Promise.all(
    Array.from({ length: tasks }, async (_, index) => (await submit(index + 1)).id),
  );
  await untilAllEnded(stamps, tasks + 1);
  await untilCompleted(daemon, tasks + 1);
  const deliveredS = (Date.now() - submittedAt) / 1000;
  const read = async (id, what) => (await stat(join(stamps, `${id}.${what}`))).mtimeMs / 1_000;
  const runs = await Promise.all(
    ids.map(async (id) => ({ start: await read(id, "start"), end: await read(id, "end") })),
  );
  const extra = (await readdir(stamps)).length / 2 - tasks - 1;
  if (extra !== 0) throw new Error(`${extra} tasks more than were submitted`);
  await daemon.stop();
  const idealS = (tasks / slots) * sleepS;
  const startedAt = Math.min(...runs.map(({ start }) => start));
  const endedAt = Math.max(...runs.map(({ end }) => end));
  if (process.env.BENCH_VERBOSE) console.error(timeline(runs, startedAt));
  return {
    idealS,
    tookS: endedAt - startedAt,
    deliveredS,
    utilisation: idealS / (endedAt - startedAt),
    firstStartS: startedAt - submittedAt / 1000,
  };
}

/** Asks nobody: what is measured is not to answer questions meanwhile. */
async function untilAllEnded(stamps, count) {
  const giveUpAt = Date.now() + 120_000;
  while ((await readdir(stamps)).filter((file) => file.endsWith(".end")).length < count) {
    if (Date.now() > giveUpAt) throw new Error("the agents did not all end within two minutes");
    await sleep(100);
  }
}

/** Asks twice a second: a hundred streams of events would be a load of their own. */
async function untilCompleted(daemon, count) {
  for (;;) {
    await sleep(500);
    const { tasks } = await daemon.api("GET", "/v1/tasks?limit=200");
    const failed = tasks.find(({ state }) => state === "failed");
    if (failed) throw new Error(`${failed.id} failed: ${failed.end_detail}`);
    if (tasks.filter(({ state }) => state === "completed").length === count) return;
  }
}

/** How many agents ran in each quarter of a second. */
function timeline(runs, startedAt) {
  const buckets = [];
  for (let at = 0; ; at += 0.25) {
    const busy = runs.filter(({ start, end }) => start - startedAt <= at && end - startedAt > at);
    if (at > 1 && busy.length === 0) return buckets.join(" ");
    buckets.push(busy.length);
  }
}
