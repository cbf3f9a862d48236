import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identifyProcess, isProcessAlive } from "./process-identity.ts";

/**
 * RLIMIT_NPROC binds every user but root, and a fork bomb is quicker than any watcher. A daemon that
 * is root gives each command a control group with a number of processes, where the system lets it:
 * version 2 with the controller handed down from the top, or version 1.
 */
export type ProcessCap = {
  /**
   * What goes before a command so that it enters the group before it is anything else. The kernel
   * waits for every processor then, 10 to 20 ms; to be moved from outside would come too late.
   */
  enter: readonly [string, ...string[]];
  /** When everything in it is gone. */
  release(): void;
};

const prefix = "deputy-run-";

/** How to make one; null where it cannot be, and for users that the ordinary limit binds. */
export function findProcessCap(): ((processes: number) => ProcessCap) | null {
  if (process.getuid?.() !== 0) return null;
  const root = findRoot();
  if (root === null) return null;
  removeDead(root);
  const own = identifyProcess(process.pid);
  const makeCap = (processes: number): ProcessCap => {
    const group = join(
      root,
      `${prefix}${process.pid}-${own?.startTicks ?? "unknown"}-${randomUUID()}`,
    );
    mkdirSync(group);
    writeFileSync(join(group, "pids.max"), String(processes));
    return {
      enter: ["sh", "-c", 'echo 0 > "$0"; exec "$@"', join(group, "cgroup.procs")],
      release: () => removeGroup(group),
    };
  };
  try {
    makeCap(16).release();
    return makeCap;
  } catch {
    return null; // a container's read-only control groups
  }
}

function findRoot(): string | null {
  try {
    const controllers = readFileSync("/sys/fs/cgroup/cgroup.subtree_control", "latin1");
    if (controllers.split(/\s+/).includes("pids")) return "/sys/fs/cgroup";
  } catch {
    // version 1, or no control groups
  }
  try {
    readdirSync("/sys/fs/cgroup/pids");
    return "/sys/fs/cgroup/pids";
  } catch {
    return null;
  }
}

/** What a process of ours that is gone left; those of living ones may be about to be entered. */
function removeDead(root: string): void {
  for (const name of readdirSync(root)) {
    const [, pid, ticks] = /^deputy-run-(\d+)-(\d+|unknown)-/.exec(name) ?? [];
    if (pid === undefined || ticks === undefined) continue;
    const startTicks = ticks === "unknown" ? null : ticks;
    if (!isProcessAlive({ pid: Number(pid), startTicks })) removeGroup(join(root, name), 0);
  }
}

/** The last processes in it may still be dying: tried again a few times, and at the next start. */
function removeGroup(group: string, retries = 20): void {
  try {
    rmdirSync(group);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EBUSY" || retries === 0) return;
    setTimeout(() => removeGroup(group, retries - 1), 50).unref();
  }
}
