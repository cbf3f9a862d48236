import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Where a command's control group is made, and how it is told what to hold. Below the daemon's own
 * group or beside it where that can be, so that no command gets out of what the daemon itself is held to.
 *
 * Version 1 has a tree for each controller; a process of one thread that moves itself by `tasks`
 * need not wait for the others. Version 2 has one tree, in which a group with processes hands nothing
 * down: groups are made beside the daemon's. To enter one makes the kernel wait for every processor,
 * 5 to 15 ms.
 */
export type GroupPlace = {
  parent: string;
  holds: readonly ("processes" | "memory")[];
  /** What is written into a new group; what is optional only where the kernel has the file. */
  files(limits: {
    processes: number;
    memoryMb: number;
  }): { file: string; value: string; optional?: true }[];
  /** Who writes 0 there enters. */
  door: "tasks" | "cgroup.procs";
  /** The file that counts processes killed for memory. */
  kills: string | null;
};

const root = "/sys/fs/cgroup";
const megabyte = 1024 * 1024;

/** Sets of places, the best first: of a set, those that can be used are used together. */
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

/** The controllers that groups in it have; in a tree that was handed to an ordinary user, we say which. */
function readHanded(parent: string): string[] {
  const path = join(parent, "cgroup.subtree_control");
  const read = () => readFileSync(path, "latin1").split(/\s+/).filter(Boolean);
  try {
    if (process.getuid?.() !== 0 && !read().includes("memory")) {
      writeFileSync(path, "+pids +memory");
    }
  } catch {
    // not handed to us: what there is, is there
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
        // With swap, where that is counted: else who is held would only be swapped out.
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
