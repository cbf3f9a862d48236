import type { Limits } from "../box/sandbox.ts";

/** Headroom, so that a command over the limit can be noticed but not get far beyond it. */
export const spareProcesses = 64;

/** Arguments of `prlimit` inside the sandbox, where processes are counted per user namespace. */
export function limitArgs({ memoryMb, processes, fileMb }: Limits): string[] {
  const bytes = (megabytes: number) => String(megabytes * 1024 * 1024);
  // Address space is not limited: Node and Java reserve many gigabytes that they never use.
  return [
    "--core=0",
    `--data=${bytes(memoryMb)}`,
    `--nproc=${processes + spareProcesses}`,
    `--fsize=${bytes(fileMb)}`,
  ];
}
