import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { stageNames } from "../../../src/core/task/outcome.ts";
import type { Fault, Spec } from "../fault.ts";
import { type World, waiting } from "../world.ts";

/** The daemon, its workers and its machine. */
const moments = {
  claimed: "right after it claimed the work",
  reported: "after the work was done, before that was recorded",
  advanced: "after it was recorded, before anybody was woken",
};

/** Fails once, so that recovery has something to decide. */
const failsOnce: Spec = {
  name: "Fails once",
  body: {
    agent: 'command:test "$DEPUTY_ATTEMPT" -gt 1 && echo done > once.txt',
    checks: ["test -s once.txt"],
  },
  wanted: { "once.txt": "done" },
  isIll: true,
};

const killedAt = stageNames.flatMap((stage) =>
  Object.entries(moments).map(
    ([moment, when]): Fault => ({
      name: `kill -9 at ${stage}:${moment}`,
      layer: "process",
      what: `the daemon is killed ${when} of ${stage}`,
      startEnv: { DEPUTY_FAULT: `${stage}:${moment}` },
      load: (world) => [waiting(world), ...(stage === "recover" ? [failsOnce] : [])],
      inject: async (world) => {
        await world.letGo();
        const end = await world.deputy.ended();
        if (end !== "SIGKILL") throw new Error(`the daemon ended with ${end}`);
        await world.start();
        return `the daemon ended by ${end} at ${stage}:${moment}`;
      },
    }),
  ),
);

async function killAndStart(world: World): Promise<string> {
  const pid = world.deputy.pid();
  await world.deputy.kill();
  await world.start();
  return `${pid} ended by SIGKILL, ${world.deputy.pid()} started`;
}

async function startWorker({ deputy }: World) {
  const worker = deputy.spawn(["worker", "--json", "--concurrency", "3"]);
  if (!worker.stdout) throw new Error("no stdout");
  await once(worker.stdout, "data");
  return worker;
}

export const processFaults: Fault[] = [
  ...killedAt,
  {
    name: "kill -9 while agents work",
    layer: "process",
    what: "the daemon is killed while an agent, a plan and a model are at work",
    inject: async (world) => {
      await world.untilAtWork();
      return killAndStart(world);
    },
  },
  {
    name: "kill -9, five times",
    layer: "process",
    what: "the daemon is killed five times, each time a moment after it answers",
    // Five starts without a finished stage would be a crash loop.
    env: { DEPUTY_CRASH_LOOP_BOOTS: "0" },
    inject: async (world) => {
      await world.untilAtWork();
      for (let i = 0; i < 5; i++) {
        await killAndStart(world);
        await sleep(150);
      }
      return `${world.starts.length} starts`;
    },
  },
  {
    name: "stopped cleanly in the middle",
    layer: "process",
    what: "SIGTERM while agents work, and a new start",
    inject: async (world) => {
      await world.untilAtWork();
      const code = await world.deputy.stop();
      await world.start();
      return `exit ${code} after SIGTERM`;
    },
  },
  {
    name: "asleep for six seconds",
    layer: "process",
    what: "SIGSTOP of the daemon, as a machine that sleeps, then SIGCONT",
    inject: async (world) => {
      await world.untilAtWork();
      const pid = world.deputy.pid();
      process.kill(pid, "SIGSTOP");
      execFileSync("sleep", ["6"]); // the sleep itself is the fault
      const state = execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
      process.kill(pid, "SIGCONT");
      if (!state.startsWith("T")) throw new Error(`state ${state}`);
      return `state ${state.trim()} for 6 s`;
    },
  },
  {
    name: "a second daemon on the database",
    layer: "process",
    what: "`deputy up` once more, with another home and the same database",
    inject: async (world) => {
      const second = world.deputy.spawn(["up"], { DEPUTY_HOME: world.scratch.at("home") });
      const [code] = await once(second, "exit");
      if (code === 0) throw new Error("it started");
      return `refused with exit ${code}`;
    },
  },
  {
    name: "kill -9 of a worker",
    layer: "process",
    what: "a second process that runs the attempts is killed while they run",
    startEnv: { DEPUTY_CONCURRENCY: "0" },
    inject: async (world) => {
      const first = await startWorker(world);
      await world.untilAtWork();
      const exited = once(first, "exit");
      first.kill("SIGKILL");
      const [, signal] = await exited;
      await startWorker(world);
      return `the worker ended by ${signal}`;
    },
  },
];
