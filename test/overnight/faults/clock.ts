import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../support/until.ts";
import type { Fault } from "../fault.ts";
import type { World } from "../world.ts";

/**
 * The daemon's clock is set while it runs. Only the daemon's: the database keeps its own time, as it does
 * on another machine, so this shows what the two clocks' difference does, not a wrong clock of PostgreSQL.
 */
const hour = 3_600_000;

async function jump({ scratch, system }: World, shiftMs: number): Promise<string> {
  await scratch.write("clock", String(shiftMs));
  await scratch.forget("clock.seen");
  process.kill(system.pid(), "SIGUSR2");
  const seen = await until(
    async () => (scratch.has("clock.seen") && Date.parse(await scratch.read("clock.seen"))) || null,
    "the daemon's clock has jumped",
  );
  const off = seen - Date.now();
  if (Math.abs(off - shiftMs) > hour / 2) throw new Error(`the daemon's clock is off by ${off} ms`);
  return `${Math.round(off / 60_000)} min`;
}

function jumps(name: string, what: string, shifts: readonly number[]): Fault {
  return {
    ...{ name, what, layer: "clock" },
    startEnv: (world) => ({
      NODE_OPTIONS: `--require ${join(import.meta.dirname, "shift-clock.cjs")}`,
      CLOCK_SHIFT_FILE: world.scratch.at("clock"),
    }),
    inject: async (world) => {
      await world.untilAtWork();
      const offs: string[] = [];
      for (const shift of shifts) {
        offs.push(await jump(world, shift));
        await sleep(3_000); // what runs every few seconds meets the new time
      }
      return `the daemon's clock was off by ${offs.join(", then by ")}`;
    },
  };
}

export const clockFaults: Fault[] = [
  jumps("the clock jumps forward", "an hour, while agents work, and stays there", [hour]),
  jumps("the clock jumps back", "an hour, while agents work, and stays there", [-hour]),
  jumps("the clock jumps to and fro", "an hour forward, two back, and right again", [
    ...[hour, -hour, 0],
  ]),
];
