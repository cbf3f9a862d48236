import { DeputyError } from "../../core/base/error.ts";
import { adviseThaw, describeFreeze, type Freeze } from "../../core/task/freeze.ts";
import type { Db } from "../../store/database/schema.ts";
import { endFreeze, findFreeze, insertFreeze } from "../../store/records/freezes.ts";

/**
 * A person's brake on everything. No task is changed: each keeps its hold, and while the row is
 * there no process claims (`findCandidates`); what runs is parked by a notification, and by the
 * next heartbeat where that is lost.
 */
export type Frozen = { freeze: Freeze | null; detail: string };

/** Freezes; a second time changes nothing and says since when and why it is frozen. */
export async function freezeDeputy(db: Db, reason: string | null): Promise<Frozen> {
  for (;;) {
    const made = await insertFreeze(db, "person", reason);
    const detail = "Deputy is frozen: nothing starts, and what ran is parked.";
    if (made) return { freeze: made, detail };
    const open = await findFreeze(db);
    if (open) return { freeze: open, detail: `It was frozen before. ${describeFreeze(open)}.` };
    // Thawed between the two: it is tried again.
  }
}

export async function readFreeze(db: Db): Promise<Frozen> {
  const freeze = await findFreeze(db);
  return { freeze, detail: freeze ? `${adviseThaw(freeze)}.` : "Deputy is not frozen." };
}

/** Thaws. Throws a DeputyError if it is not frozen. */
export async function thawDeputy(db: Db): Promise<Frozen> {
  if (await endFreeze(db))
    return { freeze: null, detail: "Deputy is thawed: work continues where it stopped." };
  throw new DeputyError("conflict", "Deputy is not frozen; there is nothing to thaw.");
}
