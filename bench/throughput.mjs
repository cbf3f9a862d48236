import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { git, makeFolder, makeRepository, startDaemon } from "./support.mjs";

/**
 * A hundred tasks whose agent sleeps for ten seconds, twenty at once. Twenty slots are busy for fifty
 * seconds at best; what is measured is how long they took, from the first agent's start to the last
 * one's end as the agents themselves wrote it down, while everything else of the tasks (planning,
 * worktrees, snapshots, checks, gates, deliveries) is done on the same machine. Beside it stands the
 * least that could be called the same: a script of twenty loops that makes a worktree and runs the
 * agent in it, and nothing else.
 */
const tasks = 100;
const slots = 20;
const sleepS = Number(process.env.BENCH_SLEEP_S ?? 10);

export async function benchThroughput() {
  const repository = await makeRepository(5);
  const bare = await benchBare(repository);
  const daemon = await startDaemon({ DEPUTY_CONCURRENCY: String(slots) });
  const stamps = await makeFolder("stamps");
  const command = agentOf(stamps);
  const submit = (number) =>
    daemon.api("POST", "/v1/tasks", {
      goal: `Sleep for a while, ${number}`,
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
  const runs = await readRuns(stamps, ids);
  const extra = (await readdir(stamps)).length / 2 - tasks - 1;
  if (extra !== 0) throw new Error(`${extra} tasks more than were submitted`);
  await daemon.stop();
  const idealS = (tasks / slots) * sleepS;
  const tookS = spanOf(runs);
  if (process.env.BENCH_VERBOSE) console.error(timeline(runs));
  return { idealS, tookS, bareS: spanOf(bare), deliveredS };
}

/** The times are those of the files: a program that told them would take a part of the slots' time. */
function agentOf(stamps) {
  return `: > ${stamps}/$DEPUTY_TASK_ID.start; sleep ${sleepS}; echo "// done" >> src/part-0/file-0.js; : > ${stamps}/$DEPUTY_TASK_ID.end`;
}

async function readRuns(stamps, ids) {
  const read = async (id, what) => (await stat(join(stamps, `${id}.${what}`))).mtimeMs / 1_000;
  return Promise.all(
    ids.map(async (id) => ({ start: await read(id, "start"), end: await read(id, "end") })),
  );
}

function spanOf(runs) {
  return Math.max(...runs.map(({ end }) => end)) - Math.min(...runs.map(({ start }) => start));
}

async function benchBare(repository) {
  const stamps = await makeFolder("bare-stamps");
  const worktrees = await makeFolder("bare-worktrees");
  const ids = Array.from({ length: tasks }, (_, index) => `bare-${index}`);
  const waiting = [...ids];
  const loop = async () => {
    for (let id = waiting.shift(); id; id = waiting.shift()) {
      const worktree = join(worktrees, id);
      const add = ["-C", repository, "worktree", "add", "--quiet", "--detach", worktree];
      // Git looks at all worktrees then, and once in a while at one that is half made: once more.
      await run("git", add).catch(() => run("git", [...add, "--force"]));
      await run("sh", ["-c", agentOf(stamps)], { cwd: worktree, id });
    }
  };
  await Promise.all(Array.from({ length: slots }, loop));
  for (const id of ids) git(repository, "worktree", "remove", "--force", join(worktrees, id));
  return readRuns(stamps, ids);
}

async function run(program, args, { cwd, id } = {}) {
  const env = { ...process.env, DEPUTY_TASK_ID: id };
  const [code] = await once(
    spawn(program, args, { cwd, env, stdio: ["ignore", "ignore", "inherit"] }),
    "exit",
  );
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}`);
}

/** Asks nobody: what is measured is not to answer questions meanwhile. */
async function untilAllEnded(stamps, count) {
  const giveUpAt = Date.now() + 240_000;
  while ((await readdir(stamps)).filter((file) => file.endsWith(".end")).length < count) {
    if (Date.now() > giveUpAt) throw new Error("the agents did not all end within four minutes");
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
function timeline(runs) {
  const startedAt = Math.min(...runs.map(({ start }) => start));
  const buckets = [];
  for (let at = 0; ; at += 0.25) {
    const busy = runs.filter(({ start, end }) => start - startedAt <= at && end - startedAt > at);
    if (at > 1 && busy.length === 0) return buckets.join(" ");
    buckets.push(busy.length);
  }
}
