import type { Db } from "../store/schema.ts";
import { listRemovableWorktrees } from "../store/worktrees.ts";
import { tidyWorktree } from "./hand-over.ts";

/** Remove the worktrees of tasks that are over, beyond the newest `keep`; each after a snapshot. */
export async function tidyOldWorktrees(
  db: Db,
  keep: number,
  onError: (error: Error) => void,
): Promise<void> {
  for (const { id } of await listRemovableWorktrees(db, keep)) {
    await tidyWorktree(db, id).catch(onError);
  }
}
