import { setTimeout as sleep } from "node:timers/promises";
import { identifyProcess } from "../../../src/sandbox/process/process-identity.ts";
import { until } from "../../support/until.ts";
import { exhausted, type Fault, type Spec } from "../fault.ts";
import type { World } from "../world.ts";

/** Agents that die, hang, lie, loop, flood, or leave something running. */
const spec = (name: string, agent: string, more: Partial<Spec> = {}): Spec => ({
  name,
  body: { agent: `command:${agent}`, checks: ["grep -qx right own.txt"] },
  wanted: { "own.txt": "right" },
  isIll: true,
  ...more,
});
const firstTime = '[ "$DEPUTY_ATTEMPT" = 1 ]';

/** Waits until the task's events say so. */
async function seen(world: World, name: string, pattern: RegExp): Promise<string> {
  const message = await until(async () => {
    const task = world.tasks.get(name);
    const events = task ? await world.system.readEvents(task.id).catch(() => []) : [];
    return events.map(({ text }) => text).find((text) => pattern.test(text)) ?? null;
  }, `${name} shows ${pattern}`);
  return message.slice(0, 160);
}

type Own = {
  name: string;
  what: string;
  agent: string;
  shows: RegExp;
  ends?: Spec["ends"];
  config?: string;
};

const byTheirEvents: Own[] = [
  {
    name: "an agent lies once",
    what: "it reports done with wrong work; the next turn or attempt is right",
    agent: `if ${firstTime}; then echo wrong > own.txt; else echo right > own.txt; fi`,
    shows: /^Recovery: .*grep -qx right own.txt/,
  },
  {
    name: "an agent always lies",
    what: "it reports done with wrong work, every time",
    agent: "echo wrong > own.txt",
    shows: /^Question: .* is stuck /,
    ends: exhausted,
  },
  {
    name: "an agent does nothing, once",
    what: "it reports done and changed nothing",
    agent: `${firstTime} || echo right > own.txt`,
    shows: /no_change|without changing anything/,
  },
  {
    name: "an agent fails once",
    what: "it exits with 1 after half of its work",
    agent: `echo half > own.txt; if ${firstTime}; then exit 1; fi; echo right > own.txt`,
    shows: /exit 1/,
  },
  {
    name: "an agent hangs",
    what: "it sleeps for ever without a sign of life, the first time",
    config: "roles: {coder: {stall_minutes: 0.1}}\n",
    agent: `if ${firstTime}; then sleep 1000; fi; echo right > own.txt`,
    shows: /no sign of life/i,
  },
  {
    name: "an agent is stopped by a signal",
    what: "SIGSTOP of its process, which nobody continues",
    config: "roles: {coder: {stall_minutes: 0.1}}\n",
    agent: `if ${firstTime}; then kill -STOP $$; fi; echo right > own.txt`,
    shows: /no sign of life/i,
  },
  {
    name: "an agent kills itself",
    what: "SIGKILL in the middle, the first time",
    agent: `if ${firstTime}; then echo half > own.txt; kill -9 $$; fi; echo right > own.txt`,
    shows: /killed by SIGKILL/,
  },
  {
    name: "an agent floods its output",
    what: "100 MB on stdout, then its work",
    agent: "head -c 100000000 /dev/zero | tr '\\0' x; echo; echo right > own.txt",
    shows: /Attempt 1.*(ended|done)|exit 0/i,
  },
  {
    name: "an agent cannot be found",
    what: "its program is not installed",
    agent: "no-such-program-here --do-it",
    shows: /was not found/,
    ends: exhausted,
  },
];

export const agentFaults: Fault[] = [
  ...byTheirEvents.map(
    ({ agent, config, ends, name, shows, what }): Fault => ({
      ...{ name, layer: "agent", what, load: () => [spec(name, agent, ends && { ends })] },
      ...(config && { config }),
      inject: (world) => seen(world, name, shows),
    }),
  ),
  {
    name: "kill -9 of an agent",
    layer: "agent",
    what: "somebody kills a running agent from outside",
    inject: async (world) => {
      const pid = await world.untilAtWork();
      process.kill(pid, "SIGKILL");
      await world.scratch.forget("at-work");
      return `SIGKILL to agent ${pid}`;
    },
  },
  {
    name: "an agent leaves processes behind",
    layer: "agent",
    what: "it starts a process in a session of its own and ends",
    load: (world) => [
      spec(
        "Leaves a process",
        `setsid sh -c 'echo $$ > ${world.scratch.at("left")}; exec sleep 1000' > /dev/null 2>&1 & while [ ! -s ${world.scratch.at("left")} ]; do sleep 0.05; done; echo right > own.txt`,
      ),
    ],
    inject: async (world) => {
      await world.scratch.until("left");
      // The file is there before the number is in it.
      const pid = await until(
        async () => Number(await world.scratch.read("left")) || null,
        "the process has told its number",
      );
      await until(() => identifyProcess(pid) === null, "it is gone");
      return `process ${pid} was left, and is gone`;
    },
  },
  {
    name: "an agent ignores SIGTERM",
    layer: "agent",
    what: "the daemon is stopped while it runs, and started again",
    load: (world) => [
      spec(
        "Ignores SIGTERM",
        `trap '' TERM; touch ${world.scratch.at("deaf")}; if [ ! -e ${world.scratch.at("go")} ]; then while :; do sleep 0.2; done; fi; echo right > own.txt`,
      ),
    ],
    inject: async (world) => {
      await world.scratch.until("deaf");
      await world.letGo();
      await sleep(100);
      const code = await world.system.stop();
      await world.start();
      return `exit ${code} of the daemon`;
    },
  },
];
