import { DeputyError } from "../../core/base/error.ts";
import type { Task } from "../../core/task/task.ts";
import type { Db } from "../../store/database/schema.ts";
import { inTransaction } from "../../store/database/transaction.ts";
import { ringAt, setSnooze, tellPushes } from "../../store/pushes/snoozes.ts";
import { getTask } from "../../store/tasks/tasks.ts";

/**
 * Puts off what a task asks of a person: until then no push is sent about it, and it stands at the end
 * of what needs you; then what still waits is pushed again by itself. Nothing of the task changes. 0 minutes: no longer.
 * Throws a DeputyError for a task that can ask nothing any more.
 */
export async function snoozeTask(
  { db }: { db: Db },
  id: string,
  minutes: number,
): Promise<{ task: Task; detail: string }> {
  const task = await getTask(db, id);
  if (!task) throw new DeputyError("not_found", `There is no task ${id}.`);
  const { acceptedAt, discardedAt, state } = task;
  const isDecided = state === "cancelled" || acceptedAt !== null || discardedAt !== null;
  if (isDecided && minutes > 0)
    throw new DeputyError(
      "conflict",
      `${id} asks for nothing any more: it is ${state === "cancelled" ? state : acceptedAt !== null ? "accepted" : "discarded"}.`,
    );
  const until = await inTransaction(db, async (tx) => {
    const at = await setSnooze(tx, id, minutes * 60_000);
    await ringAt(tx, id, at);
    return at;
  });
  tellPushes(db);
  const detail =
    minutes > 0
      ? `put off until ${until.toISOString()}; a push comes again then`
      : "no longer put off";
  return { task, detail };
}
