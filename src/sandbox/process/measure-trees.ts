import { readdirSync, readFileSync } from "node:fs";
import type { ProcessIdentity } from "./process-identity.ts";

/**
 * What each process below the given ones has used so far, the given ones included: processor time,
 * and bytes read and written (files, pipes and sockets alike, but not what `recv` and `send` move,
 * which the kernel counts nowhere by process). Keys name a process for ever, because pids are reused. A process that detached itself, and whose parent is gone, is not found.
 */
export type ProcessUse = {
  cpuMs: number;
  /** Null: this user may not read it. */
  bytes: number | null;
};

/** Clock tick in /proc, on every Linux that Node supports. */
const msPerTick = 10;

/** Null: this system has no /proc, so nothing is known about processes. */
export function measureTrees(roots: readonly ProcessIdentity[]): Map<string, ProcessUse> | null {
  const stats = readStats();
  if (stats === null) return null;
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of stats)
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  const found = new Map<string, ProcessUse>();
  const open = roots
    .filter(({ pid, startTicks }) => stats.get(pid)?.startTicks === startTicks)
    .map(({ pid }) => pid);
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    const stat = stats.get(pid);
    if (!stat || found.has(`${pid}.${stat.startTicks}`)) continue;
    found.set(`${pid}.${stat.startTicks}`, { cpuMs: stat.cpuMs, bytes: readBytes(pid) });
    open.push(...(children.get(pid) ?? []));
  }
  return found;
}

type Stat = { parent: number; startTicks: string; cpuMs: number };

/** Every running process; a dead one that nobody waited for is none. */
function readStats(): Map<number, Stat> | null {
  let names: string[];
  try {
    names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return null;
  }
  const stats = new Map<number, Stat>();
  for (const name of names) {
    try {
      const text = readFileSync(`/proc/${name}/stat`, "latin1");
      // The command name may hold spaces and brackets; the fields start after its last bracket.
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      if (fields[0] === "Z" || fields[0] === "X") continue;
      stats.set(Number(name), {
        parent: Number(fields[1]),
        cpuMs: (Number(fields[11]) + Number(fields[12])) * msPerTick,
        startTicks: fields[19] ?? "",
      });
    } catch {
      // gone in the meantime
    }
  }
  return stats;
}

function readBytes(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/io`, "latin1");
    const count = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1]);
    return count("rchar") + count("wchar");
  } catch {
    return null; // gone in the meantime, or another user's
  }
}
