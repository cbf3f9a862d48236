import { decisionOf, type Task } from "../../core/task/task.ts";
import type { FindForge } from "../../delivery/forges/pull-forge.ts";
import { type DeliveredWork, lookAtDelivered } from "../../delivery/look-at-delivered.ts";
import { recordHandover } from "../../orchestrator/commands/commands.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import type { Db } from "../../store/database/schema.ts";
import { listUndecided } from "../../store/tasks/tasks.ts";
import type { Mirrors } from "../../worktree/mirror/mirror.ts";
import type { AuthHeader } from "../../worktree/mirror/transport.ts";

/**
 * A person may decide on delivered work elsewhere: merge the branch by hand, merge the pull request on
 * GitHub, or close it. That is recorded as their decision, once; nothing is deleted.
 */
export type NoteDeps = AdvanceDeps & {
  mirrors: Mirrors;
  findForge: FindForge;
  authHeader: AuthHeader;
};

/** Looks what became of a task's work, and records a decision that is new. */
export async function noteDecided(deps: NoteDeps, task: Task): Promise<DeliveredWork> {
  const work = await lookAtDelivered(deps, task);
  if (decisionOf(task) === "open" && (work === "merged" || work === "closed"))
    await recordElsewhere(deps, task, { isMerged: work === "merged", by: null });
  return work;
}

/** `by`: a clause with its actor, where it is known. */
export async function recordElsewhere(
  deps: AdvanceDeps,
  { branch, deliveryUrl, id }: Pick<Task, "branch" | "deliveryUrl" | "id">,
  { by, isMerged }: { by: string | null; isMerged: boolean },
): Promise<void> {
  const where = deliveryUrl ?? branch;
  if (isMerged)
    await recordHandover(deps, id, "task.accepted", `Accepted: ${by ?? `${where} was merged`}`);
  else
    await recordHandover(
      deps,
      id,
      "task.discarded",
      `Discarded: ${by ?? `${where} was closed`}, without a merge; its branch stays`,
    );
}

const maxAgeDays = 30;
const maxLooks = 200;

/** Looks at all delivered work that waits for a decision. `onError`: the others are looked at. */
export async function noteAllDecided(
  db: Db,
  deps: NoteDeps,
  stopping: AbortSignal,
  onError: (error: Error) => void,
): Promise<void> {
  for (const task of await listUndecided(db, maxAgeDays, maxLooks)) {
    if (stopping.aborted) return;
    await noteDecided(deps, task).catch(onError);
  }
}
