import { createHash, randomUUID } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { rmdir, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * A mutex for what git cannot do concurrently in one repository (fetch, ref deletes, adding and
 * removing worktrees), within this process and across processes.
 *
 * Within the process callers queue. Across processes each contender creates an empty file of its
 * own in `<path>.lock/` and then lists the folder: one that sees another living contender deletes
 * its file and retries. Of two that start at once at least the later one sees the other, so two
 * never hold the lock together. A file's name identifies its maker (boot, pid namespace, pid, start
 * time), so a file left by `kill -9` is recognised and deleted; names are unique, so that can never
 * hit a living holder's. A contender in another pid namespace (a container) is judged by the file's
 * age: holders touch theirs every few seconds.
 */
export async function withRepositoryLock<T>(
  { locks: queues }: { locks: LockQueues },
  path: string,
  task: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const before = queues.get(path) ?? Promise.resolve();
  const turn = before.then(async () => {
    signal?.throwIfAborted();
    return acquire(`${path}.lock`, signal);
  });
  const mine = turn.then(async (release) => {
    try {
      signal?.throwIfAborted(); // the caller has given up
      return await task();
    } finally {
      release();
    }
  });
  // The next in line starts whatever the result; errors go to this one's caller.
  const settled = mine.then(ignore, ignore);
  queues.set(path, settled);
  void settled.then(() => {
    if (queues.get(path) === settled) queues.delete(path);
  });
  if (signal) await untilTurnOrAbort(turn, signal);
  return mine;
}

/** Waits for the turn or the signal; an aborted place in the queue is skipped at its turn. */
async function untilTurnOrAbort(turn: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let stop = ignore;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    await Promise.race([turn, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Deletes the lock's folder, if unused, once what it guards is gone for good. */
export async function tidyLock(path: string): Promise<void> {
  await rmdir(`${path}.lock`).catch(ignore); // not empty: still in use
}

/** The last waiter of each queue in this process, by path. */
export type LockQueues = Map<string, Promise<void>>;

const touchEveryMs = 5_000;
const staleAfterMs = 30_000;

/**
 * The few file system calls are synchronous: each takes microseconds, and a trip to the thread pool
 * a hundred times as long, with every other waiter behind it.
 */
async function acquire(folder: string, signal?: AbortSignal): Promise<() => void> {
  const name = `${identity.boot}.${identity.namespace}.${process.pid}.${identity.start}.${randomUUID()}`;
  const file = join(folder, name);
  for (;;) {
    signal?.throwIfAborted();
    mkdirSync(folder, { recursive: true });
    if (!(await seesAnother(folder, name)) && announce(file)) {
      if (!(await seesAnother(folder, name))) break;
      rmSync(file, { force: true });
    }
    // Random pauses, so that two that collided do not collide again.
    await sleep(5 + Math.random() * 20);
  }
  const timer = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(ignore); // gone: the holder is releasing it
  }, touchEveryMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    rmSync(file, { force: true });
  };
}

/** False when the folder was removed at this moment. */
function announce(file: string): boolean {
  try {
    closeSync(openSync(file, "wx"));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function seesAnother(folder: string, own: string): Promise<boolean> {
  for (const name of list(folder)) {
    if (name === own) continue;
    if (await isAlive(folder, name)) return true;
    rmSync(join(folder, name), { force: true });
  }
  return false;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // removed at this moment
  }
}

async function isAlive(folder: string, name: string): Promise<boolean> {
  const [boot, namespace, pid, start] = name.split(".");
  if (boot !== identity.boot) return false; // from before a reboot
  if (namespace === identity.namespace) return readStart(Number(pid)) === start;
  const age = await stat(join(folder, name)).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => Number.POSITIVE_INFINITY, // released meanwhile
  );
  return age < staleAfterMs;
}

/** When a process started, in ticks since boot; null when there is no such process. */
function readStart(pid: number): string | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : (fields[19] ?? null);
  } catch {
    if (identity.hasProc) return null;
  }
  try {
    process.kill(pid, 0);
    return "0";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? "0" : null;
  }
}

const identity = identifySelf();

function identifySelf() {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8");
    const line = readFileSync("/proc/self/stat", "latin1");
    const start = line.slice(line.lastIndexOf(")") + 2).split(" ")[19] ?? "0";
    return {
      boot: shorten(boot),
      namespace: shorten(readlinkSync("/proc/self/ns/pid")),
      start,
      hasProc: true,
    };
  } catch {
    return { boot: "none", namespace: "none", start: "0", hasProc: false }; // no /proc: pids only
  }
}

function shorten(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

function ignore(): void {}
