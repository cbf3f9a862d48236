import { readdirSync, readFileSync } from "node:fs";
import type { Inside } from "./sandbox.ts";

/**
 * Finds what runs inside a bwrap, seen from outside: bwrap's only child is the namespace's first
 * process, whose child is the command. The command's own root has a /proc that lists only the
 * processes inside. Without permission to read it, the machine's /proc is searched for descendants:
 * orphans inside become children of the first process, so none is missed.
 */
export function findInside(leaderPid: number): Inside | null {
  const [initPid] = childrenOf(leaderPid);
  if (initPid === undefined) return null;
  const [command] = childrenOf(initPid);
  if (command === undefined) return null; // its root is still being set up
  const own = `/proc/${command}/root/proc`;
  if (listPids(own).length > 0) {
    return { initPid, proc: own, pids: () => listPids(own) };
  }
  return { initPid, proc: "/proc", pids: () => [initPid, ...descendantsOf(initPid)] };
}

/** The group for a SIGTERM to the command; in its new session it is the first process's. */
export function findInsideGroup(leaderPid: number): number | null {
  return childrenOf(leaderPid)[0] ?? null;
}

/** The child processes started by this process's first thread. */
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
    return []; // gone, or no permission
  }
}

/** Returns all descendants of a process. */
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
    return null; // gone in the meantime
  }
}
