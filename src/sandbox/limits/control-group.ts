import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { identifyProcess, isProcessAlive } from "../process/process-identity.ts";
import { type GroupPlace, listGroupPlaces } from "./control-group-places.ts";

/**
 * Limits that the kernel enforces for all processes of a command together, where the system allows
 * it. Each command gets a control group with a maximum number of processes and of memory.
 * RLIMIT_NPROC does not bind root, and a fork bomb is faster than any watcher.
 */
export type ControlGroup = {
  /** A process enters through these files before it becomes another program: see enter-box.ts. */
  doors: readonly string[];
  /** Whether the kernel killed a process in it for memory. */
  ranOut(): boolean;
  /** Removes the group; call it when all its processes have ended. */
  release(): void;
};

export type ControlGroups = {
  make(limits: { processes: number; memoryMb: number }): ControlGroup;
  /** Whether memory is limited too; its controller may be missing. */
  holdMemory: boolean;
};

const prefix = "deputy-run-";

/** Finds where groups can be created by trying it; null if nowhere. */
export function findControlGroups(): ControlGroups | null {
  for (const places of listGroupPlaces()) {
    const usable = places.filter(canMake);
    if (!usable.some(({ holds }) => holds.includes("processes"))) continue;
    for (const { parent } of usable) removeDead(parent);
    return {
      make: (limits) => makeGroup(usable, limits),
      holdMemory: usable.some(({ holds }) => holds.includes("memory")),
    };
  }
  return null;
}

function canMake(place: GroupPlace): boolean {
  try {
    makeGroup([place], { processes: 16, memoryMb: 64 }).release();
    return true;
  } catch {
    return false; // read-only control groups of a container, or no permission
  }
}

function makeGroup(
  places: readonly GroupPlace[],
  limits: { processes: number; memoryMb: number },
): ControlGroup {
  const own = identifyProcess(process.pid);
  const name = `${prefix}${process.pid}-${own?.startTicks ?? "unknown"}-${randomUUID()}`;
  const groups = places.map((place) => ({ ...place, folder: join(place.parent, name) }));
  try {
    for (const { files, folder } of groups) {
      mkdirSync(folder);
      for (const { file, optional, value } of files(limits)) {
        const path = join(folder, file);
        if (!optional || existsSync(path)) writeFileSync(path, value);
      }
    }
  } catch (error) {
    for (const { folder } of groups) removeGroup(folder, 0);
    throw error;
  }
  return {
    doors: groups.map(({ door, folder }) => join(folder, door)),
    ranOut: () => groups.some(({ folder, kills }) => kills && countKills(join(folder, kills)) > 0),
    release: () => {
      for (const { folder } of groups) removeGroup(folder);
    },
  };
}

function countKills(path: string): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(path, "latin1"))?.[1] ?? 0);
  } catch {
    return 0; // gone
  }
}

/** Removes groups of dead daemon processes; those of live ones may be about to be entered. */
function removeDead(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid, ticks] = /^deputy-run-(\d+)-(\d+|unknown)-/.exec(name) ?? [];
    if (pid === undefined || ticks === undefined) continue;
    const startTicks = ticks === "unknown" ? null : ticks;
    if (!isProcessAlive({ pid: Number(pid), startTicks })) removeGroup(join(parent, name), 0);
  }
}

/** Processes in it may still be dying: retried a few times, and at the next start. */
function removeGroup(group: string, retries = 20): void {
  try {
    rmdirSync(group);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EBUSY" || retries === 0) return;
    setTimeout(() => removeGroup(group, retries - 1), 50).unref();
  }
}
