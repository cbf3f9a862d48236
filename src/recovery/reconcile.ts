import { attemptMark, processMark } from "../core/base/marks.ts";
import type { Claim } from "../core/task/outcome.ts";
import { endLeftovers, killLeftovers } from "../sandbox/process/kill-group.ts";
import { isProcessAlive } from "../sandbox/process/process-identity.ts";
import type { Db } from "../store/database/schema.ts";
import { findUnsoundLease, listClaimsOf } from "../store/tasks/claims.ts";
import {
  forgetChildren,
  listChildren,
  listDeadProcesses,
  markProcessEnded,
} from "../store/tasks/processes.ts";

/**
 * Compares the database with what is alive. A registered process whose lock is gone is dead: the
 * child processes it left on this host are killed, recognised by pid and start time or by the mark
 * in their environment, and its claims are handed back. So is a lease that a living owner stopped
 * renewing. What becomes of a handed-back claim is up to the caller, who passes it to the
 * orchestrator.
 */
export type LostClaim = { claim: Claim; owner: string };

export async function reapDeadProcesses(
  db: Db,
  self: { processId: string; host: string },
  handBack: (lost: LostClaim) => Promise<unknown>,
  onError: (error: Error) => void,
): Promise<{ processes: string[]; processesKilled: number; claimsReturned: number }> {
  const result = { processes: [] as string[], processesKilled: 0, claimsReturned: 0 };
  for (const dead of await listDeadProcesses(db, self.processId, self.host, isProcessAlive)) {
    // Child processes first: none may still write when a new attempt starts.
    if (dead.host === self.host) result.processesKilled += await killChildrenOf(db, dead.id);
    let failed = 0;
    for (const claim of await listClaimsOf(db, dead.id)) {
      try {
        await handBack({ claim, owner: dead.id });
        result.claimsReturned++;
      } catch (error) {
        // A claim that cannot be handed back must not hold up the others; the next round retries
        // it.
        failed++;
        onError(error as Error);
      }
    }
    if (failed > 0) continue;
    await forgetChildren(db, dead.id);
    await markProcessEnded(db, dead.id);
    result.processes.push(dead.id);
  }
  return result;
}

/**
 * Hand back an expired lease. Its attempt's processes on this host are killed first, because the
 * next attempt works in the same worktree. Returns false if the lease is sound again.
 */
export async function takeBackLease(
  db: Db,
  id: string,
  handBack: (lost: LostClaim) => Promise<unknown>,
): Promise<boolean> {
  const lease = await findUnsoundLease(db, id);
  if (!lease) return false;
  const { attemptId, stage } = lease.claim;
  if (stage === "execute" && attemptId)
    await endLeftovers(null, { name: attemptMark, value: attemptId });
  await handBack(lease);
  return true;
}

/**
 * Kills the child processes of this process that still run, for when not all could be parked at
 * shutdown. Returns their number.
 */
export function killOwnChildren(processId: string): number {
  return killLeftovers(null, { name: processMark, value: processId });
}

async function killChildrenOf(db: Db, processId: string): Promise<number> {
  const mark = { name: processMark, value: processId };
  let killed = killLeftovers(null, mark);
  for (const { pid, startTicks } of await listChildren(db, processId)) {
    killed += killLeftovers({ pid, startTicks }, mark);
  }
  await endLeftovers(null, mark);
  return killed;
}
