import type { Db } from "../../store/database/schema.ts";
import { appendEvent } from "../../store/tasks/transition.ts";

/** Records that files of a finished task's worktree were removed, to make room. */
export async function recordFreed(
  db: Db,
  about: { taskId: string; subtaskId: string },
  message: string,
  data: Record<string, unknown>,
): Promise<void> {
  const { subtaskId, taskId } = about;
  await appendEvent(db, taskId, { type: "worktree.freed", message, data, subtaskId });
}
