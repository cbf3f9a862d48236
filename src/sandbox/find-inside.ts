import { readdirSync, readFileSync } from "node:fs";
import type { Inside } from "./sandbox.ts";

/**
 * What runs inside a bwrap, seen from outside: bwrap's only child is the first process of the new
 * namespace, and the child of that is the command. The command's own root shows a /proc that lists
 * those inside and no others. Without the right to look there the machine's /proc is searched for
 * descendants: who loses its parent inside becomes the first process's child, so none gets lost.
 */
export function findInside(leaderPid: number): Inside | null {
  const [initPid] = childrenOf(leaderPid);
  if (initPid === undefined) return null;
  const [command] = childrenOf(initPid);
  if (command === undefined) return null; // its root is still being made
  const own = `/proc/${command}/root/proc`;
  if (listPids(own).length > 0) {
    return { initPid, proc: own, pids: () => listPids(own) };
  }
  return { initPid, proc: "/proc", pids: () => [initPid, ...descendantsOf(initPid)] };
}

/** The group that a SIGTERM for the command goes to: with its session it is the first process's. */
export function findInsideGroup(leaderPid: number): number | null {
  return childrenOf(leaderPid)[0] ?? null;
}

/** The processes that the first thread of this one started. */
function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1");
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return []; // gone, or a kernel without this file
  }
}

function listPids(proc: string): number[] {
  try {
    return readdirSync(proc)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return []; // gone, or not to be looked at
  }
}

/** All that a process started, and what those started. */
export function descendantsOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of listPids("/proc")) {
    const parent = parentOf(pid);
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: number[] = [];
  for (let next = [root]; next.length > 0; ) {
    next = next.flatMap((pid) => children.get(pid) ?? []);
    found.push(...next);
  }
  return found;
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return null; // gone meanwhile
  }
}
