import type { NewNotification } from "../../core/ledger/task-ledger.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import type { Db } from "../../store/database/schema.ts";
import { insertNotifications } from "../../store/pushes/notifications.ts";
import { inTransition, notifyPushes } from "../../store/tasks/transition.ts";
import {
  type Breaker,
  insertBreaker,
  listBreakers,
  listUnbegun,
  markSwept,
} from "../../store/triggers/guards.ts";
import { change, requestCancel } from "../commands/commands.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";

/**
 * Opens the breaker of a rule and repository. The push is written with it, so there is one, however
 * often it is hit; one that is open already stays as it is.
 */
export async function openBreaker(
  db: Db,
  about: Pick<Breaker, "rule" | "repository" | "reason">,
  writePush: (breaker: Breaker) => NewNotification[],
): Promise<void> {
  await inTransition(db, async (tx) => {
    const breaker = await insertBreaker(tx, about);
    if (!breaker) return;
    await insertNotifications(tx, writePush(breaker));
    notifyPushes(tx);
  });
}

/**
 * Cancels what the rules of open breakers had queued and no agent has begun. Work under way goes on.
 * Called again after a crash, it finishes.
 */
export async function sweepBreakers(db: Db, deps: AdvanceDeps): Promise<void> {
  for (const breaker of await listBreakers(db, "unswept")) {
    for (const taskId of await listUnbegun(db, breaker)) {
      await change(deps, taskId, async (ledger, task) => {
        if (isTaskOver(task.state) || task.cancelRequestedAt) return;
        const why = `Cancel requested, because the breaker of ${breaker.rule} opened`;
        await requestCancel(ledger, task, why);
      });
    }
    await markSwept(db, breaker);
  }
}
