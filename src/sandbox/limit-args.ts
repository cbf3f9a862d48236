import type { Limits } from "./sandbox.ts";

/** So that who passes the limit can be seen to, and nobody gets far beyond it. */
export const spareProcesses = 64;

/** What `prlimit` is told, inside the sandbox: processes are counted there per user namespace. */
export function limitArgs({ memoryMb, processes, fileMb }: Limits): string[] {
  const bytes = (megabytes: number) => String(megabytes * 1024 * 1024);
  // Address space is no measure: Node and Java reserve many gigabytes that they never use.
  return [
    "--core=0",
    `--data=${bytes(memoryMb)}`,
    `--nproc=${processes + spareProcesses}`,
    `--fsize=${bytes(fileMb)}`,
  ];
}
