import { attemptMark, bootMark } from "../core/marks.ts";
import type { Claim } from "../core/outcome.ts";
import { endLeftovers, killLeftovers } from "../sandbox/kill-group.ts";
import { isProcessAlive } from "../sandbox/process-identity.ts";
import { forgetProcesses, listDeadBoots, listProcesses, markBootEnded } from "../store/boots.ts";
import { findUnsoundLease, listClaimsOf } from "../store/claims.ts";
import type { Db } from "../store/schema.ts";

/**
 * Compares what the database says with what is alive. A boot whose proof of life is gone is dead,
 * whoever it was: the processes it left on this host are killed, recognised by pid and start time
 * or by the mark in their environment, and what it had claimed is handed back. So is a lease that
 * its owner, alive as it may be, has stopped to renew. Deciding what becomes of what is handed back
 * is not done here: the caller feeds it to the orchestrator.
 */
export type LostClaim = { claim: Claim; owner: string };

export async function buryDeadBoots(
  db: Db,
  self: { bootId: string; host: string },
  handBack: (lost: LostClaim) => Promise<unknown>,
  onError: (error: Error) => void,
): Promise<{ boots: string[]; processesKilled: number; claimsReturned: number }> {
  const result = { boots: [] as string[], processesKilled: 0, claimsReturned: 0 };
  for (const boot of await listDeadBoots(db, self.bootId, self.host, isProcessAlive)) {
    // First the processes: nothing of the old life may still write when a new attempt starts.
    if (boot.host === self.host) result.processesKilled += await killProcessesOf(db, boot.id);
    let failed = 0;
    for (const claim of await listClaimsOf(db, boot.id)) {
      try {
        await handBack({ claim, owner: boot.id });
        result.claimsReturned++;
      } catch (error) {
        // One that cannot be handed back must not keep the others; the next round tries it again.
        failed++;
        onError(error as Error);
      }
    }
    if (failed > 0) continue;
    await forgetProcesses(db, boot.id);
    await markBootEnded(db, boot.id);
    result.boots.push(boot.id);
  }
  return result;
}

/**
 * Hand back a lease that ran out. Its attempt's processes on this host are killed first, because the
 * next attempt works in the same worktree. False when it is sound by now.
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

/** Kill what still runs of this very life; for its end, when not everything could be parked. */
export function killOwnProcesses(bootId: string): number {
  return killLeftovers(null, { name: bootMark, value: bootId });
}

async function killProcessesOf(db: Db, bootId: string): Promise<number> {
  const mark = { name: bootMark, value: bootId };
  let killed = killLeftovers(null, mark);
  for (const { pid, startTicks } of await listProcesses(db, bootId)) {
    killed += killLeftovers({ pid, startTicks }, mark);
  }
  await endLeftovers(null, mark);
  return killed;
}
