import { isTaskOver } from "../../core/task/lifecycle.ts";
import type { Due } from "../../core/task/retention.ts";
import type { Db } from "../../store/database/schema.ts";
import { deleteRecords, forgetSnapshots } from "../../store/records/retention.ts";
import { appendEvent, inTransition, lockTask, moveTask } from "../../store/tasks/transition.ts";

/**
 * Delete what was kept of a task long enough. Its row stays locked: a retry waits, and one that
 * came earlier finds everything intact. `removeFiles` runs first and must be idempotent; its result
 * goes into the event, which starts the task's new, short history. Null: the task is no longer
 * over, or ended again since.
 */
export async function pruneTask<Removed extends Record<string, number>>(
  db: Db,
  task: { id: string; endedAt: Date },
  due: Due,
  why: string,
  removeFiles: () => Promise<Removed>,
): Promise<(Removed & { events: number; transcript: number }) | null> {
  return inTransition(db, async (tx) => {
    const locked = await lockTask(tx, task.id);
    if (!locked || !isTaskOver(locked.task.state)) return null;
    if (locked.task.endedAt?.getTime() !== task.endedAt.getTime()) return null;
    const files = await removeFiles();
    const none = { events: 0, transcript: 0 };
    const rows = due.records ? await deleteRecords(tx, task.id) : none;
    await forgetSnapshots(tx, task.id, due);
    const set = due.records ? { prunedAt: new Date() } : {};
    await moveTask(tx, locked.task, locked.task.state, null, set);
    const removed = { ...files, ...rows };
    await appendEvent(tx, task.id, {
      type: "task.pruned",
      message: `Removed ${listRemoved(removed)}: ${why}`,
      data: removed,
    });
    return removed;
  });
}

function listRemoved(removed: Record<string, number>): string {
  const words = Object.entries(removed).flatMap(([what, count]) =>
    count > 0 ? [`${count} ${what}`] : [],
  );
  return words.join(", ") || "nothing that was left";
}
