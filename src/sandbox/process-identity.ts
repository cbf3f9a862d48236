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
export function lookForMark(mark: Mark, since: ProcessIdentity | null): Found {
  return lookForMarks([{ mark, since }])[0] ?? { marked: [], bare: [] };
}

export type Mark = { name: string; value: string };
export type Found = { marked: ProcessIdentity[]; bare: ProcessIdentity[] };

/** The same for several at once: each process is looked at once for all of them. */
export function lookForMarks(
  wanted: readonly { mark: Mark; since: ProcessIdentity | null }[],
): Found[] {
  const looks = wanted.map(({ mark: { name, value }, since }) => ({
    since,
    needle: Buffer.from(`${name}=${value}\0`),
    earliest: Number(since?.startTicks ?? Number.POSITIVE_INFINITY),
    fromPid: since ? lowestPidSince(since) : 0,
    found: { marked: [], bare: [] } as Found,
  }));
  for (const pid of listPids(Math.min(...looks.map(({ fromPid }) => fromPid)))) {
    const environment = readEnvironment(pid);
    if (environment === null) continue;
    for (const { earliest, found, fromPid, needle, since } of looks) {
      if (Number(pid) < fromPid) continue;
      const isMarked = environment.includes(needle);
      if (!isMarked && (environment.length > 0 || since === null)) continue;
      const identity = identifyProcess(Number(pid));
      if (identity === null) continue;
      if (isMarked) found.marked.push(identity);
      else if (Number(identity.startTicks) >= earliest && !isOfAnother(pid, needle))
        found.bare.push(identity);
    }
  }
  return looks.map(({ found }) => found);
}

/** Of other processes, no lower than that. */
function listPids(from: number): string[] {
  try {
    return readdirSync("/proc").filter(
      (entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid && Number(entry) >= from,
    );
  } catch {
    return []; // no /proc on this system: the process group is all there is
  }
}

/** Whether it is a child of ours, or of an unmarked child of ours: then it is another run's, or git. */
function isOfAnother(pid: string, needle: Buffer): boolean {
  const parent = readParent(pid);
  if (parent === null || isOurs(parent)) return parent !== null;
  const environment = readEnvironment(parent);
  const isUnmarked =
    environment !== null && environment.length > 0 && !environment.includes(needle);
  return isUnmarked && isOurs(readParent(parent));
}

/** This process, or, for a helper of it, the daemon. */
function isOurs(pid: string | null): boolean {
  return pid === String(process.pid) || (process.connected && pid === String(process.ppid));
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
