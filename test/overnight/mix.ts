import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Spec } from "./fault.ts";
import { terminate } from "./faults/database.ts";
import type { Random } from "./stats.ts";
import type { World } from "./world.ts";

/** A long queue, and faults in random order over it. The seed decides both. */
export type Happened = { at: number; what: string; seen: string };

/** The number of the task decides its kind. */
export function makeTask(number: number, random: Random): Spec {
  const seconds = (0.1 + random() * 1.5).toFixed(1);
  const file = `task-${number}.txt`;
  const checks = [`grep -qx right ${file}`];
  switch (number % 4) {
    case 0:
      return {
        name: `Night ${number}, one part`,
        body: { agent: `command:sleep ${seconds}; echo right > ${file}`, checks },
        wanted: { [file]: "right" },
      };
    case 1: {
      const write = (key: string) => ({ id: key, title: key, writes: [`${key}-${number}.txt`] });
      const agent = `command:sleep ${seconds}; echo done > $DEPUTY_SUBTASK-${number}.txt`;
      const subtasks = [write("a"), write("b"), { ...write("c"), depends_on: ["a", "b"] }];
      return {
        name: `Night ${number}, a plan`,
        body: { agent, checks: ["ls *.txt"], plan: { subtasks } },
        wanted: Object.fromEntries(["a", "b", "c"].map((key) => [`${key}-${number}.txt`, "done"])),
      };
    }
    case 2:
      return {
        name: `A model writes, night ${number}`,
        body: { agent: "builtin", checks: ["test -s model.txt"] },
        wanted: { "model.txt": "by a model" },
      };
    default: {
      const lie = `if [ "$DEPUTY_ATTEMPT" = 1 ]; then echo wrong > ${file}; else echo right > ${file}; fi`;
      return {
        name: `Night ${number}, lies once`,
        body: { agent: `command:sleep ${seconds}; ${lie}`, checks },
        wanted: { [file]: "right" },
        isIll: true,
      };
    }
  }
}

type Blow = (world: World, random: Random) => Promise<string | null>;

async function killAgent({ system }: World, random: Random): Promise<string | null> {
  const agents = await system.agents();
  const hit = agents[Math.floor(random() * agents.length)];
  if (hit === undefined) return null;
  process.kill(hit, "SIGKILL");
  return `process ${hit} of an agent or a check`;
}

async function removeOne(folder: string, random: Random, fits: RegExp): Promise<string | null> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => fits.test(name));
  const name = names[Math.floor(random() * names.length)];
  if (name === undefined) return null;
  await rm(join(folder, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
  return name;
}

const blows: Record<string, Blow> = {
  "kill -9 of the daemon": async (world, random) => {
    const pid = world.system.pid();
    await world.kill();
    await sleep(random() * 500);
    await world.start();
    return `${pid} ended, ${world.system.pid()} started`;
  },
  "clean stop": async (world) => {
    const code = await world.system.stop();
    await world.start();
    return `exit ${code}`;
  },
  "kill -9 of an agent": killAgent,
  "all connections terminated": async (world) => {
    const count = await terminate(world, "true");
    return count > 0 ? `${count} connections` : null;
  },
  "listening connection terminated": async (world) => {
    const count = await terminate(world, "query ilike 'listen%'");
    return count > 0 ? `${count} connections` : null;
  },
  "worktree deleted": async ({ deputy, losses }, random) => {
    losses.push(Date.now());
    return removeOne(join(deputy.home, "worktrees"), random, /^[^.]/);
  },
  "mirror deleted": async ({ deputy, losses }, random) => {
    losses.push(Date.now());
    return removeOne(join(deputy.home, "repos"), random, /^[^.].*\.git$/);
  },
  "phone away": async (world) => {
    world.phone.refuse(503);
    await sleep(1_000);
    world.phone.refuse(null);
    return `${world.phone.refused()} pushes refused so far`;
  },
};

/** Hands in tasks and lets faults happen until the time is over. */
export async function runNight(
  world: World,
  { random, untilMs, atOnce }: { random: Random; untilMs: number; atOnce: number },
): Promise<Happened[]> {
  const happened: Happened[] = [];
  const from = Date.now();
  const names = Object.keys(blows);
  let number = 0;
  const open = new Set<string>();
  const handIn = async () => {
    while (Date.now() < untilMs) {
      for (const id of open)
        if ((await world.system.readEnd(id).catch(() => null)) !== null) open.delete(id);
      if (open.size < atOnce) open.add(await world.submit(makeTask(number++, random)));
      else await sleep(200);
    }
  };
  const hit = async () => {
    while (Date.now() < untilMs) {
      await sleep(500 + random() * 2_500);
      const name = names[Math.floor(random() * names.length)] ?? "";
      // The database may be away from the fault before: then this one did not happen, and is not counted.
      const seen = await blows[name]?.(world, random).catch(() => null);
      if (seen) happened.push({ at: Date.now() - from, what: name, seen });
    }
  };
  await Promise.all([handIn(), hit()]);
  return happened;
}
