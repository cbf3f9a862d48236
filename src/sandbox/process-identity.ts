import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { uptime } from "node:os";

/**
 * A pid alone says nothing: the system reuses them. A process is recognised by its pid and the
 * time it was started, in clock ticks since boot, as Linux tells in /proc/PID/stat, field 22.
 * Where there is no /proc the start is null, and such a process is never signalled after a restart.
 */
export type ProcessIdentity = { pid: number; startTicks: string | null };

/** Identify a running process, or null when there is none (a zombie counts as none). */
export function identifyProcess(pid: number): ProcessIdentity | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command name may hold spaces and brackets; the fields start after its last bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return null;
    return { pid, startTicks: fields[19] ?? null };
  } catch {
    return signalsReach(pid) ? { pid, startTicks: null } : null;
  }
}

/** Whether this very process still runs: same pid, same start. */
export function isProcessAlive(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now !== null && (identity.startTicks === null || now.startTicks === identity.startTicks);
}

/**
 * Processes of ours whose environment at their start held `NAME=value`; setsid does not hide them.
 * And beside them those that started no earlier than `since` and have no environment at all: so
 * looks, for a moment, who is executing another program, or dying.
 */
export function lookForMark(
  mark: { name: string; value: string },
  since: ProcessIdentity | null,
): { marked: ProcessIdentity[]; bare: ProcessIdentity[] } {
  const needle = Buffer.from(`${mark.name}=${mark.value}\0`);
  const earliest = Number(since?.startTicks ?? Number.POSITIVE_INFINITY);
  const fromPid = since ? lowestPidSince(since) : 0;
  const marked: ProcessIdentity[] = [];
  const bare: ProcessIdentity[] = [];
  let pids: string[];
  try {
    pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  } catch {
    return { marked, bare }; // no /proc on this system: the process group is all there is
  }
  for (const pid of pids) {
    if (Number(pid) === process.pid || Number(pid) < fromPid) continue;
    const environment = readEnvironment(pid);
    const isMarked = environment?.includes(needle) ?? false;
    if (!isMarked && (environment?.length !== 0 || since === null)) continue;
    const identity = identifyProcess(Number(pid));
    if (identity === null) continue;
    if (isMarked) marked.push(identity);
    else if (Number(identity.startTicks) >= earliest && !isOfAnother(pid, needle))
      bare.push(identity);
  }
  return { marked, bare };
}

/** Whether it is a child of ours, or of an unmarked child of ours: then it is another run's, or git. */
function isOfAnother(pid: string, needle: Buffer): boolean {
  const parent = readParent(pid);
  if (parent === null || parent === String(process.pid)) return parent !== null;
  const environment = readEnvironment(parent);
  const isUnmarked =
    environment !== null && environment.length > 0 && !environment.includes(needle);
  return isUnmarked && readParent(parent) === String(process.pid);
}

function readParent(pid: string): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? null;
  } catch {
    return null; // gone meanwhile
  }
}

/**
 * The lowest pid that a process can have that was started after this one: the system hands them out
 * in a circle, and tells the last one. Any, where it may have come round since.
 */
export function lowestPidSince({ pid, startTicks }: ProcessIdentity): number {
  const ageMs = uptime() * 1_000 - Number(startTicks ?? 0) * msPerTick;
  if (Math.abs(ageMs) > maxCircleMs) return 0; // before its start: it counts from another boot
  try {
    const last = Number(readFileSync("/proc/loadavg", "latin1").trim().split(" ").at(-1));
    return last >= pid ? pid : 0;
  } catch {
    return 0; // no /proc on this system
  }
}

/** The smallest circle has 32,768 pids; no machine starts as many processes in this time. */
const maxCircleMs = 3_000;
/** What /proc counts in, on every Linux that Node runs on. */
const msPerTick = 10;

/** Reading hundreds of these is on the way of every command: one buffer for all, the fewest calls. */
const environmentBuffer = Buffer.allocUnsafe(128 * 1024);

function readEnvironment(pid: string): Buffer | null {
  const path = `/proc/${pid}/environ`;
  try {
    const file = openSync(path, "r");
    try {
      const bytes = readSync(file, environmentBuffer, 0, environmentBuffer.length, 0);
      if (bytes < environmentBuffer.length) return environmentBuffer.subarray(0, bytes);
    } finally {
      closeSync(file);
    }
    return readFileSync(path); // an unusually large one
  } catch {
    return null; // gone meanwhile, or another user's
  }
}

function signalsReach(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
