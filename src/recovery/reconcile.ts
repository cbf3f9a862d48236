import type { Claim } from "../core/outcome.ts";
import { killLeftovers } from "../sandbox/kill-group.ts";
import { forgetProcesses, listDeadBoots, listProcesses, markBootEnded } from "../store/boots.ts";
import { listClaimsOf } from "../store/claims.ts";
import type { Db } from "../store/schema.ts";

/**
 * Compares what the database says with what is alive. A boot whose proof of life is gone is dead,
 * whoever it was: the processes it left on this host are killed, recognised by pid and start time
 * or by the mark in their environment, and what it had claimed is handed back. Deciding what
 * becomes of that is not done here: the caller feeds it to the orchestrator.
 */
export type LostClaim = { claim: Claim; owner: string };

/** The environment variable that names the boot in every process it starts. */
export const bootMark = "DEPUTY_BOOT";

export async function buryDeadBoots(
  db: Db,
  host: string,
  handBack: (lost: LostClaim) => Promise<unknown>,
): Promise<{ boots: string[]; processesKilled: number; claimsReturned: number }> {
  const result = { boots: [] as string[], processesKilled: 0, claimsReturned: 0 };
  for (const boot of await listDeadBoots(db)) {
    // First the processes: nothing of the old life may still write when a new attempt starts.
    if (boot.host === host) result.processesKilled += await killProcessesOf(db, boot.id);
    for (const claim of await listClaimsOf(db, boot.id)) {
      await handBack({ claim, owner: boot.id });
      result.claimsReturned++;
    }
    await forgetProcesses(db, boot.id);
    await markBootEnded(db, boot.id);
    result.boots.push(boot.id);
  }
  return result;
}

async function killProcessesOf(db: Db, bootId: string): Promise<number> {
  const mark = { name: bootMark, value: bootId };
  let killed = killLeftovers(null, mark);
  for (const { pid, startTicks } of await listProcesses(db, bootId)) {
    killed += killLeftovers({ pid, startTicks }, mark);
  }
  return killed;
}
