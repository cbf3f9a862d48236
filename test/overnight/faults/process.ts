import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { stageNames } from "../../../src/core/task/outcome.ts";
import type { Fault, Spec } from "../fault.ts";
import { type World, waiting } from "../world.ts";

/** The daemon, its workers and its machine. */
export const moments = {
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

/** Work that comes through the stage. */
export const loadFor = (stage: string) => (world: World) => [
  waiting(world),
  ...(stage === "recover" ? [failsOnce] : []),
];

const killedAt = stageNames.flatMap((stage) =>
  Object.entries(moments).map(
    ([moment, when]): Fault => ({
      name: `kill -9 at ${stage}:${moment}`,
      layer: "process",
      what: `the daemon is killed ${when} of ${stage}`,
      startEnv: { DEPUTY_FAULT: `${stage}:${moment}` },
      load: loadFor(stage),
      inject: async (world) => {
        await world.letGo();
        const end = await world.deputy.ended();
        world.killed("process");
        if (end !== "SIGKILL") throw new Error(`the daemon ended with ${end}`);
        await world.start();
        return `the daemon ended by ${end} at ${stage}:${moment}`;
      },
    }),
  ),
);

async function killAndStart(world: World): Promise<string> {
  const pid = world.system.pid();
  await world.kill();
  await world.start();
  return `${pid} ended by SIGKILL, ${world.system.pid()} started`;
}

async function startWorker({ deputy }: World, env: Record<string, string> = {}) {
  const worker = deputy.spawn(["worker", "--json", "--concurrency", "3"], env);
  if (!worker.stdout) throw new Error("no stdout");
  // It may claim, and be killed, before it says that it is there.
  await Promise.race([once(worker.stdout, "data"), once(worker, "exit")]);
  return worker;
}

/** SIGSTOP for so long, then SIGCONT: to the program it is a machine that sleeps. */
async function stopFor(world: World, seconds: number): Promise<string> {
  await world.untilAtWork();
  const pid = world.system.pid();
  process.kill(pid, "SIGSTOP");
  await sleep(seconds * 1_000); // the sleep itself is the fault
  const state = readState(pid);
  process.kill(pid, "SIGCONT");
  if (state !== "T") throw new Error(`state ${state}`);
  return `state ${state} for ${seconds} s`;
}

/** "T" is a process that was stopped. */
export function readState(pid: number): string {
  return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? "";
}

/** At the moments of the only stage that a worker runs. */
const workerKilledAt = Object.entries(moments).map(
  ([moment, when]): Fault => ({
    name: `kill -9 of a worker at execute:${moment}`,
    layer: "process",
    what: `a second process that runs the attempts is killed ${when}`,
    startEnv: { DEPUTY_CONCURRENCY: "0" },
    inject: async (world) => {
      await world.letGo();
      const first = await startWorker(world, { DEPUTY_FAULT: `execute:${moment}` });
      if (first.exitCode === null && first.signalCode === null) await once(first, "exit");
      world.killed("process");
      if (first.signalCode !== "SIGKILL") throw new Error(`it ended with ${first.exitCode}`);
      await startWorker(world);
      return `the worker ended by ${first.signalCode} at execute:${moment}`;
    },
  }),
);

export const processFaults: Fault[] = [
  ...killedAt,
  ...workerKilledAt,
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
    name: "kill -9 while the model answers",
    layer: "process",
    what: "the daemon is killed while a reply of the model is on its way",
    inject: async (world) => {
      const isSecond = ({ role, turn }: { role: string | null; turn: number }) =>
        role === "honest" && turn === 1;
      world.model.hold(isSecond);
      await world.model.waitForRequest(isSecond);
      await world.kill();
      world.model.release();
      await world.start();
      return "killed after the request of turn 2, before its reply";
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
      const code = await world.system.stop();
      await world.start();
      return `exit ${code} after SIGTERM`;
    },
  },
  {
    name: "asleep for six seconds",
    layer: "process",
    what: "SIGSTOP of the daemon, as a machine that sleeps, then SIGCONT",
    inject: (world) => stopFor(world, 6),
  },
  {
    name: "asleep for longer than a lease",
    layer: "process",
    what: "SIGSTOP of the daemon for 35 s; its leases last for 30 s",
    inject: (world) => stopFor(world, 35),
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
      world.killed("process");
      await startWorker(world);
      return `the worker ended by ${signal}`;
    },
  },
];
