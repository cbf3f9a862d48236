import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { uptime } from "node:os";

/**
 * Identifies a process by its pid and its start time, because the system reuses pids. The start is
 * in clock ticks since boot, from /proc/PID/stat, field 22. Without /proc it is null, and such a
 * process is never signalled after a restart.
 */
export type ProcessIdentity = { pid: number; startTicks: string | null };

/** Identifies a running process; null if there is none (a zombie counts as none). */
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

/** Whether this process still runs: same pid, same start. */
export function isProcessAlive(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now !== null && (identity.startTicks === null || now.startTicks === identity.startTicks);
}

/**
 * Returns the `marked` processes, whose environment at their start contained `NAME=value`, even
 * after setsid; and `bare` ones, which started no earlier than `since` and have no environment. A
 * process that is executing another program, or dying, looks like that for a moment.
 */
export function lookForMark({ name, value }: Mark, since: ProcessIdentity | null): Found {
  const needle = Buffer.from(`${name}=${value}\0`);
  const earliest = Number(since?.startTicks ?? Number.POSITIVE_INFINITY);
  const found: Found = { marked: [], bare: [] };
  for (const pid of listPids(since ? lowestPidSince(since) : 0)) {
    const environment = readEnvironment(pid);
    if (environment === null) continue;
    const isMarked = environment.includes(needle);
    if (!isMarked && (environment.length > 0 || since === null)) continue;
    const identity = identifyProcess(Number(pid));
    if (identity === null) continue;
    if (isMarked) found.marked.push(identity);
    else if (Number(identity.startTicks) >= earliest && !isOfAnother(pid, needle))
      found.bare.push(identity);
  }
  return found;
}

export type Mark = { name: string; value: string };
export type Found = { marked: ProcessIdentity[]; bare: ProcessIdentity[] };

/** Lists the pids of other processes from this one on. */
function listPids(from: number): string[] {
  try {
    return readdirSync("/proc").filter(
      (entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid && Number(entry) >= from,
    );
  } catch {
    return []; // no /proc here: only the process group is known
  }
}

/** Whether it is a child of ours or of our unmarked child, and so another run's, or git. */
function isOfAnother(pid: string, needle: Buffer): boolean {
  const parent = readParent(pid);
  if (parent === null || isOurs(parent)) return parent !== null;
  const environment = readEnvironment(parent);
  const isUnmarked =
    environment !== null && environment.length > 0 && !environment.includes(needle);
  return isUnmarked && isOurs(readParent(parent));
}

/** This process, or the daemon if this is its helper. */
function isOurs(pid: string | null): boolean {
  return pid === String(process.pid) || (process.connected && pid === String(process.ppid));
}

function readParent(pid: string): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? null;
  } catch {
    return null; // gone in the meantime
  }
}

/**
 * Returns the lowest pid of any process started after this one: the system assigns pids in a circle
 * and reports the last one. Returns 0 if they may have wrapped around since.
 */
export function lowestPidSince({ pid, startTicks }: ProcessIdentity): number {
  const ageMs = uptime() * 1_000 - Number(startTicks ?? 0) * msPerTick;
  if (Math.abs(ageMs) > maxCircleMs) return 0; // the start is from another boot
  try {
    const last = Number(readFileSync("/proc/loadavg", "latin1").trim().split(" ").at(-1));
    return last >= pid ? pid : 0;
  } catch {
    return 0; // no /proc on this system
  }
}

/** The smallest circle has 32,768 pids; no machine starts that many processes in this time. */
const maxCircleMs = 3_000;
/** Clock tick in /proc, on every Linux that Node supports. */
const msPerTick = 10;

/** Every command reads hundreds of these: one shared buffer, and as few calls as possible. */
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
    return readFileSync(path); // an unusually large environment
  } catch {
    return null; // gone, or another user's
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
