import { readFileSync, statfsSync } from "node:fs";
import { runCommand } from "./run-command.ts";
import type { Confined, Inside, LimitHit, Limits } from "./sandbox.ts";

/**
 * The limits that the kernel does not hold for us, looked at while a command runs: the disk, and
 * where there is no control group the memory of all together and, for root, the number of processes.
 * Looking is cheap on purpose: a folder of the command's own /proc, and the free space of the file
 * system; the sizes of folders are added up only when the disk got fuller by as much as is allowed.
 */
export type WatchOptions = {
  findInside: () => Inside | null;
  limits: Limits;
  /** What the kernel holds of it. */
  confined: Pick<Confined, "holdsProcesses" | "holdsMemory" | "ranOut">;
  /** What it can write on a disk. */
  folders: readonly string[];
  /** Called once, when a limit is passed. */
  onHit: (hit: LimitHit) => void;
};

const lookMs = 500;
/** A fork bomb that nothing holds makes thousands in the time that the other limits are looked at. */
const bombMs = 20;
const pageBytes = 4_096; // of the systems that have /proc and this daemon; larger pages count less
const megabyte = 1024 * 1024;
const measureTimeoutMs = 20_000;

/** Returns how to stop watching. */
export function watchLimits(options: WatchOptions): () => void {
  const { confined, findInside, limits, folders, onHit } = options;
  const tickMs = confined.holdsProcesses ? lookMs : bombMs;
  let ticks = 0;
  let over = false;
  let measuring = false;
  const freeAtStart = new Map(folders.map((folder) => [folder, freeBytes(folder)]));
  const hit = (limit: LimitHit["limit"], detail: string) => {
    if (over) return;
    over = true;
    clearInterval(timer);
    onHit({ limit, detail });
  };
  const lookAtDisk = async () => {
    const fuller = folders.filter((folder) => {
      const before = freeAtStart.get(folder) ?? null;
      const now = freeBytes(folder);
      return before !== null && now !== null && before - now > limits.diskMb * megabyte;
    });
    if (fuller.length === 0 || measuring) return;
    measuring = true;
    const usedMb = await measureMb(folders);
    measuring = false;
    if (usedMb !== null && usedMb > limits.diskMb) {
      hit("disk", `its folders hold ${usedMb} MB, more than ${limits.diskMb}`);
    }
  };
  const look = () => {
    ticks++;
    const inside = findInside();
    const pids = inside?.pids() ?? [];
    if (pids.length > limits.processes) {
      return hit("processes", `more than ${limits.processes} processes at once`);
    }
    if ((ticks * tickMs) % lookMs !== 0) return;
    // It killed one of them: the rest shall not go on as if nothing was.
    if (confined.ranOut()) return hit("memory", moreMemory(limits));
    if (inside) {
      const { memoryMb, threads } = addUp(inside, pids);
      if (threads > limits.processes) {
        return hit("processes", `more than ${limits.processes} threads at once`);
      }
      if (!confined.holdsMemory && memoryMb > limits.memoryMb) {
        return hit("memory", moreMemory(limits));
      }
    }
    void lookAtDisk();
  };
  const timer = setInterval(look, tickMs);
  timer.unref();
  return () => {
    over = true;
    clearInterval(timer);
  };
}

/** In the same words whoever noticed it. */
export function moreMemory({ memoryMb }: Limits): string {
  return `more than ${memoryMb} MB of memory`;
}

/** What is not shared, so that forks of one process do not count its pages many times. */
function addUp({ proc }: Inside, pids: readonly number[]): { memoryMb: number; threads: number } {
  let pages = 0;
  let threads = 0;
  for (const pid of pids) {
    try {
      const [, resident = "0", shared = "0"] = readFileSync(`${proc}/${pid}/statm`, "latin1").split(
        " ",
      );
      pages += Number(resident) - Number(shared);
      const stat = readFileSync(`${proc}/${pid}/stat`, "latin1");
      threads += Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[17]);
    } catch {
      // gone meanwhile
    }
  }
  return { memoryMb: Math.round((pages * pageBytes) / megabyte), threads };
}

function freeBytes(folder: string): number | null {
  try {
    const { bfree, bsize } = statfsSync(folder);
    return bfree * bsize;
  } catch {
    return null; // the folder went: nothing more is written there
  }
}

/** By `du`, in a process of its own: the folders are a stranger's, and may be deep. */
async function measureMb(folders: readonly string[]): Promise<number | null> {
  const result = await runCommand({
    argv: ["du", "-skx", "--", ...folders],
    cwd: "/",
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" },
    timeoutMs: measureTimeoutMs,
  });
  const sizes = [...result.stdout.matchAll(/^(\d+)\t/gm)].map(([, kilobytes]) => Number(kilobytes));
  if (sizes.length === 0) return null; // looked at again the next time
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1024);
}
