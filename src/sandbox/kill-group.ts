import {
  findProcessesByEnvironment,
  isProcessAlive,
  type ProcessIdentity,
} from "./process-identity.ts";

/** Send a signal to the whole process group led by `pid`. False when the group is gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false; // ESRCH: nobody left
  }
}

/**
 * Kill what a dead owner left: the group of `leader` when it is still that very process, and every
 * process that carries the run's mark in its environment, which catches those that left the group.
 * Returns how many processes were found.
 */
export function killLeftovers(
  leader: ProcessIdentity | null,
  mark: { name: string; value: string },
): number {
  let found = 0;
  if (leader?.startTicks && isProcessAlive(leader) && signalGroup(leader.pid, "SIGKILL")) found++;
  for (const { pid } of findProcessesByEnvironment(mark.name, mark.value)) {
    try {
      process.kill(pid, "SIGKILL");
      found++;
    } catch {
      // gone between the look and the signal
    }
  }
  return found;
}
