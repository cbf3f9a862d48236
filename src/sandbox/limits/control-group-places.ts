import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Where a command's control group is created, and how its limits are set. It is created below or
 * beside the daemon's own group if possible, so that commands stay within the daemon's limits.
 *
 * Version 1 has a tree per controller; a single-threaded process that moves itself by `tasks` need
 * not wait for the others. Version 2 has one tree, in which a group with processes cannot pass
 * controllers down, so groups are created beside the daemon's. Entering one makes the kernel wait
 * for every processor, 5 to 15 ms.
 */
export type GroupPlace = {
  parent: string;
  holds: readonly ("processes" | "memory")[];
  /** Files to write in a new group; optional ones only if the kernel has them. */
  files(limits: {
    processes: number;
    memoryMb: number;
  }): { file: string; value: string; optional?: true }[];
  /** A process enters by writing 0 to this file. */
  door: "tasks" | "cgroup.procs";
  /** The file that counts processes killed for memory. */
  kills: string | null;
};

const root = "/sys/fs/cgroup";
const megabyte = 1024 * 1024;

/** Returns sets of places, best first; all usable places of one set are used together. */
export function listGroupPlaces(own = readOwn()): (readonly GroupPlace[])[] {
  return [...listUnified(own), listSplit(own)];
}

function readOwn(): string {
  try {
    return readFileSync("/proc/self/cgroup", "latin1");
  } catch {
    return ""; // a kernel without control groups
  }
}

function listUnified(own: string): (readonly GroupPlace[])[] {
  const path = /^0::(\/.*)$/m.exec(own)?.[1] ?? "/";
  const beside = dirname(join(root, path));
  const parents = path !== "/" && beside.startsWith(root) ? [beside, root] : [root];
  return [...new Set(parents)].flatMap((parent) => {
    const handed = readHanded(parent);
    if (!handed.includes("pids")) return [];
    const memory = handed.includes("memory");
    const place: GroupPlace = {
      parent,
      holds: memory ? ["processes", "memory"] : ["processes"],
      files: ({ processes, memoryMb }) => [
        { file: "pids.max", value: String(processes) },
        ...(memory
          ? [
              { file: "memory.max", value: String(memoryMb * megabyte) },
              { file: "memory.swap.max", value: "0", optional: true as const },
              { file: "memory.oom.group", value: "1", optional: true as const },
            ]
          : []),
      ],
      door: "cgroup.procs",
      kills: memory ? "memory.events" : null,
    };
    return [[place]];
  });
}

/** The controllers of child groups. In a tree delegated to an ordinary user, enables them. */
function readHanded(parent: string): string[] {
  const path = join(parent, "cgroup.subtree_control");
  const read = () => readFileSync(path, "latin1").split(/\s+/).filter(Boolean);
  try {
    if (process.getuid?.() !== 0 && !read().includes("memory")) {
      writeFileSync(path, "+pids +memory");
    }
  } catch {
    // not delegated to us: use what is enabled
  }
  try {
    return read();
  } catch {
    return []; // version 1, or no control groups
  }
}

function listSplit(own: string): GroupPlace[] {
  const parentOf = (controller: string) => {
    const path = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(/.*)$`, "m").exec(own)?.[1];
    const place = join(root, controller, path ?? "/");
    return existsSync(place) ? place : join(root, controller);
  };
  return [
    {
      parent: parentOf("pids"),
      holds: ["processes"],
      files: ({ processes }) => [{ file: "pids.max", value: String(processes) }],
      door: "tasks",
      kills: null,
    },
    {
      parent: parentOf("memory"),
      holds: ["memory"],
      files: ({ memoryMb }) => {
        const value = String(memoryMb * megabyte);
        // Including swap if it is counted: else a process over the limit is only swapped out.
        return [
          { file: "memory.limit_in_bytes", value },
          { file: "memory.memsw.limit_in_bytes", value, optional: true },
        ];
      },
      door: "tasks",
      kills: "memory.oom_control",
    },
  ];
}
