import type { Db } from "../store/database/schema.ts";
import { listRemovableWorktrees } from "../store/tasks/worktrees.ts";
import type { Mirrors } from "../worktree/mirror/mirror.ts";
import { tidyWorktree } from "./hand-over.ts";

/**
 * Remove the worktrees of tasks that are over, beyond the newest `keep`; each after a snapshot. When
 * the process stops, none is begun any more, and one that takes longer than the process lives is no
 * error: it loses its database in the middle, and the next start does it again.
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
