import { readFileSync, statfsSync } from "node:fs";
import type { Confined, Inside, LimitHit, Limits } from "../box/sandbox.ts";
import { runCommand } from "../process/run-command.ts";

/**
 * Checks the limits that the kernel does not enforce while a command runs: the disk, and without a
 * control group the memory of all together and, for root, the number of processes. Checks are
 * cheap: they read a folder of the command's own /proc and the free space of the file system.
 * Folder sizes are summed only after the disk has filled by as much as is allowed.
 */
export type WatchOptions = {
  findInside: () => Inside | null;
  limits: Limits;
  /** Which limits the kernel enforces. */
  confined: Pick<Confined, "holdsProcesses" | "holdsMemory" | "ranOut">;
  /** The folders on disk that it can write. */
  folders: readonly string[];
  /** Called once, when a limit is exceeded. */
  onHit: (hit: LimitHit) => void;
};

const lookMs = 500;
/** An unlimited fork bomb makes thousands of processes between checks of the other limits. */
const bombMs = 20;
const pageBytes = 4_096; // on usual systems; with larger pages, memory is undercounted
const megabyte = 1024 * 1024;
const measureTimeoutMs = 20_000;

/** Returns a function that stops watching. */
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
    // The kernel killed one process: the rest must not continue as if nothing happened.
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

/** The message is the same whether the kernel or the watcher noticed. */
export function moreMemory({ memoryMb }: Limits): string {
  return `more than ${memoryMb} MB of memory`;
}

/** Counts unshared memory, so that the pages of forked processes are not counted many times. */
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
      // gone in the meantime
    }
  }
  return { memoryMb: Math.round((pages * pageBytes) / megabyte), threads };
}

function freeBytes(folder: string): number | null {
  try {
    const { bfree, bsize } = statfsSync(folder);
    return bfree * bsize;
  } catch {
    return null; // the folder is gone, so nothing is written there
  }
}

/** By `du`, in its own process: the folders are untrusted and may be deep. */
async function measureMb(folders: readonly string[]): Promise<number | null> {
  const result = await runCommand({
    argv: ["du", "-skx", "--", ...folders],
    cwd: "/",
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" },
    timeoutMs: measureTimeoutMs,
  });
  const sizes = [...result.stdout.matchAll(/^(\d+)\t/gm)].map(([, kilobytes]) => Number(kilobytes));
  if (sizes.length === 0) return null; // repeated at the next check
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1024);
}
