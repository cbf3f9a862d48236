import {
  findProcessesByEnvironment,
  isProcessAlive,
  lowestPidSince,
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
 * Looks again as long as it finds new ones: who forks while it is looked for is found the next time.
 * `since`, the first of them all, when it is known, spares looking at older ones. Returns how many
 * processes were found.
 */
export function killLeftovers(
  leader: ProcessIdentity | null,
  mark: { name: string; value: string },
  since?: { pid: number; startedAt: number },
): number {
  const found = new Set<string>();
  if (leader?.startTicks && isProcessAlive(leader) && signalGroup(leader.pid, "SIGKILL")) {
    found.add(nameOf(leader));
  }
  for (let look = 0, before = -1; look < maxLooks && found.size > before; look++) {
    before = found.size;
    const fromPid = since ? lowestPidSince(since.pid, performance.now() - since.startedAt) : 0;
    for (const identity of findProcessesByEnvironment(mark.name, mark.value, fromPid)) {
      try {
        process.kill(identity.pid, "SIGKILL");
        found.add(nameOf(identity));
      } catch {
        // gone between the look and the signal
      }
    }
  }
  return found.size;
}

const maxLooks = 20;

function nameOf({ pid, startTicks }: ProcessIdentity): string {
  return `${pid}:${startTicks}`;
}
