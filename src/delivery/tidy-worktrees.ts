import type { Db } from "../store/database/schema.ts";
import { listRemovableWorktrees } from "../store/tasks/worktrees.ts";
import type { Mirrors } from "../worktree/mirror/mirror.ts";
import { tidyWorktree } from "./hand-over.ts";

/**
 * Remove the worktrees of finished tasks beyond the newest `keep`, each after a snapshot. On
 * shutdown no new removal starts; one that is cut off by losing the database is not an error, as
 * the next start repeats it.
 */
export async function tidyOldWorktrees(
  db: Db,
  mirrors: Mirrors,
  keep: number,
  stopping: AbortSignal,
  onError: (error: Error) => void,
): Promise<void> {
  for (const { id } of await listRemovableWorktrees(db, keep)) {
    if (stopping.aborted) return;
    await tidyWorktree(db, mirrors, id).catch((error) => {
      if (!stopping.aborted) onError(error);
    });
  }
}
