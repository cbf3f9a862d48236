import type { NewNotification } from "../../core/ledger/task-ledger.ts";
import type { Freeze } from "../../core/task/freeze.ts";
import type { Db } from "../../store/database/schema.ts";
import { insertNotifications } from "../../store/pushes/notifications.ts";
import { insertFreeze } from "../../store/records/freezes.ts";
import { listBoots } from "../../store/tasks/processes.ts";
import { inTransition, notifyPushes } from "../../store/tasks/transition.ts";

/** Zero boots: never. */
export type CrashLoopLimit = { boots: number; minutes: number };

/**
 * A daemon that crashes as soon as it works would pay for the same work at every start. Freezes
 * Deputy when this start is the last of so many in so few minutes, and each before it died without
 * a clean stop and before it finished any stage: one that gets something done between crashes
 * continues, however often it is killed. The push is written with the freeze, so there is one for
 * the loop and none for the starts that follow. Starts before a thaw count no more. Returns the
 * freeze if it made one.
 */
export async function brakeCrashLoop(
  db: Db,
  processId: string,
  { boots, minutes }: CrashLoopLimit,
  writePush: (freeze: Freeze) => NewNotification[],
): Promise<Freeze | null> {
  if (boots === 0) return null;
  return inTransition(db, async (tx) => {
    const earlier = await listBoots(tx, processId, minutes);
    const last = earlier.findIndex(
      ({ endedCleanly, progressedAt }) => endedCleanly || progressedAt,
    );
    const starts = (last === -1 ? earlier.length : last) + 1;
    if (starts < boots) return null;
    const reason = `it started ${starts} times within ${minutes} minutes, and each time died before it had finished a stage`;
    const freeze = await insertFreeze(tx, "crash_loop", reason);
    if (!freeze) return null; // it is frozen already
    await insertNotifications(tx, writePush(freeze));
    notifyPushes(tx);
    return freeze;
  });
}
