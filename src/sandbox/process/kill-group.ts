import { setTimeout as sleep } from "node:timers/promises";
import {
  isProcessAlive,
  lookForMark,
  type Mark,
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
 * Kills what a dead owner left: the group of `leader` when it is still that very process, and every
 * process that carries the run's mark in its environment, which catches those that left the group.
 * Searches again as long as it finds new ones, to catch forks during the search. Returns how many
 * processes were found.
 */
export function killLeftovers(leader: ProcessIdentity | null, mark: Mark): number {
  const found = new Set<string>();
  if (leader?.startTicks && isProcessAlive(leader) && signalGroup(leader.pid, "SIGKILL")) {
    found.add(nameOf(leader));
  }
  killMarked(mark, null, found);
  return found.size;
}

/**
 * Kills what is left of a run, and waits until it is gone: SIGKILL takes effect when the process
 * runs next, and a process that is executing another program has no mark at that moment. `leader`
 * is the run's first process: nothing of the run is older.
 */
export async function endLeftovers(leader: ProcessIdentity | null, mark: Mark): Promise<void> {
  for (let look = 0; look < maxWaits; look++) {
    const found = new Set<string>();
    const seen = lookForMark(mark, leader);
    // Usually nothing is left. What is left may be starting others: search again without a pause.
    const mayHideOne =
      seen.marked.length > 0 ? killMarked(mark, leader, found) : seen.bare.length > 0;
    // A process without an environment for longer than that was started so, and is not ours.
    if (found.size === 0 && !(mayHideOne && look < maxWaitsForBare)) return;
    await sleep(waitMs);
  }
}

const waitMs = 5;
const maxWaits = 400;
const maxWaitsForBare = 6;

/** True when there were processes that may be of the run but cannot be identified by the mark. */
function killMarked(mark: Mark, since: ProcessIdentity | null, found: Set<string>): boolean {
  let mayHideOne = false;
  for (let look = 0, before = -1; look < maxLooks && found.size > before; look++) {
    before = found.size;
    const { marked, bare } = lookForMark(mark, since);
    mayHideOne = bare.length > 0;
    for (const identity of marked) {
      try {
        process.kill(identity.pid, "SIGKILL");
        found.add(nameOf(identity));
      } catch {
        // gone before the signal
      }
    }
  }
  return mayHideOne;
}

const maxLooks = 20;

function nameOf({ pid, startTicks }: ProcessIdentity): string {
  return `${pid}:${startTicks}`;
}
