import { type Detail, isOver } from "./types.ts";

/**
 * What a person can do with a task as it is now, so that the page offers nothing that the daemon
 * would refuse. The daemon decides: a refusal is still shown as its sentence. Pure.
 */
export type Deed =
  | "accept"
  | "again"
  | "budget"
  | "cancel"
  | "comment"
  | "discard"
  | "pause"
  | "restore"
  | "resume"
  | "retry"
  | "rollback"
  | "say"
  | "snapshots"
  | "snooze"
  | "update";

export function findPossible(detail: Pick<Detail, DetailPart>): ReadonlySet<Deed> {
  const { task, subtasks, attempts, questions, worktrees } = detail;
  const over = isOver(task);
  const stopping = task.cancel_requested_at !== null && !over;
  const open = questions.filter(({ answered_at }) => answered_at === null);
  const isDecided = task.accepted_at ?? task.discarded_at ?? task.rolled_back_at;
  const isKept = task.pruned_at === null;
  const worksOn = subtasks.some(({ state }) => !overStates.has(state));
  const undone = task.rolled_back_at !== null;

  const can: Record<Deed, boolean> = {
    accept: task.decision === "open" && isLocal(task.repository),
    again: true,
    budget: !over && !stopping,
    cancel: !over && !stopping,
    comment:
      task.expects_change && attempts.length > 0 && takesComments(task.state, stopping, isDecided),
    discard: over && task.discarded_at === null && (task.branch !== null || worktrees.length > 0),
    pause: !over && !stopping && task.paused_at === null,
    restore: isKept && worktrees.some(({ state }) => state === "removed"),
    resume: !over && task.paused_at !== null,
    retry: task.state === "failed" || (!stopping && open.some(({ kind }) => kind === "stuck")),
    rollback:
      task.state === "completed" &&
      task.branch !== null &&
      !undone &&
      (task.accepted_at !== null || task.delivery_url !== null),
    say: !over && !stopping && worksOn,
    snapshots: isKept && attempts.length > 0,
    snooze: !isDecided && (open.length > 0 || task.state === "failed" || task.decision === "open"),
    update: task.decision === "open",
  };
  return new Set((Object.keys(can) as Deed[]).filter((deed) => can[deed]));
}

type DetailPart = "attempts" | "questions" | "subtasks" | "task" | "worktrees";

const overStates = new Set(["completed", "superseded", "failed", "cancelled"]);

/** A folder of the daemon's machine, into whose branch work can be merged. */
export const isLocal = (repository: string): boolean => repository.startsWith("/");

function takesComments(state: string, stopping: boolean, isDecided: string | null): boolean {
  if (state === "cancelled" || stopping) return false;
  return isDecided === null || !["completed", "failed"].includes(state);
}
