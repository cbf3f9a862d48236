import type { EventType } from "../core/task/event.ts";

/**
 * How an event looks to people, on every surface: its part of the flow, and whether it is good, bad,
 * asks for somebody, or is a detail. A type that is newer than the reader's program is shown too.
 */
export const eventTones = ["plain", "good", "bad", "ask", "dim"] as const;
export type EventTone = (typeof eventTones)[number];
export type EventLook = { label: string; tone: EventTone };

const looks = {
  "task.created": { label: "task", tone: "plain" },
  "task.planning": { label: "plan", tone: "dim" },
  "task.planned": { label: "plan", tone: "plain" },
  "plan.progressed": { label: "plan", tone: "dim" },
  "plan.made": { label: "plan", tone: "plain" },
  "plan.revised": { label: "plan", tone: "plain" },
  "plan.revision_refused": { label: "plan", tone: "ask" },
  "task.waiting": { label: "task", tone: "ask" },
  "task.resumed": { label: "task", tone: "plain" },
  "task.delivering": { label: "delivery", tone: "dim" },
  "task.completed": { label: "delivery", tone: "good" },
  "task.failed": { label: "task", tone: "bad" },
  "task.cancel_requested": { label: "task", tone: "plain" },
  "task.cancelled": { label: "task", tone: "bad" },
  "task.retried": { label: "task", tone: "plain" },
  "task.accepted": { label: "delivery", tone: "good" },
  "task.rolled_back": { label: "delivery", tone: "plain" },
  "task.discarded": { label: "delivery", tone: "plain" },
  "task.needs_person": { label: "task", tone: "ask" },
  "task.restored": { label: "worktree", tone: "plain" },
  "task.updated": { label: "delivery", tone: "plain" },
  "task.pruned": { label: "daemon", tone: "dim" },
  "worktree.freed": { label: "daemon", tone: "dim" },
  "task.messaged": { label: "steering", tone: "plain" },
  "task.paused": { label: "steering", tone: "ask" },
  "task.unpaused": { label: "steering", tone: "plain" },
  "task.budget_set": { label: "steering", tone: "plain" },
  "task.commented": { label: "steering", tone: "plain" },
  "task.commanded": { label: "steering", tone: "plain" },
  "task.origin_changed": { label: "task", tone: "plain" },
  "subtask.ready": { label: "plan", tone: "dim" },
  "subtask.held": { label: "plan", tone: "ask" },
  "subtask.verifying": { label: "checks", tone: "dim" },
  "subtask.integrating": { label: "integration", tone: "dim" },
  "subtask.completed": { label: "integration", tone: "good" },
  "subtask.recovering": { label: "recovery", tone: "dim" },
  "subtask.failed": { label: "task", tone: "bad" },
  "subtask.cancelled": { label: "task", tone: "plain" },
  "subtask.retried": { label: "recovery", tone: "plain" },
  "subtask.reworked": { label: "recovery", tone: "plain" },
  "subtask.blamed": { label: "recovery", tone: "bad" },
  "subtask.moved": { label: "recovery", tone: "plain" },
  "question.asked": { label: "question", tone: "ask" },
  "question.answered": { label: "question", tone: "plain" },
  "attempt.started": { label: "attempt", tone: "plain" },
  "attempt.progressed": { label: "attempt", tone: "dim" },
  "attempt.ended": { label: "attempt", tone: "plain" },
  "attempt.finished_late": { label: "attempt", tone: "plain" },
  "check.finished": { label: "checks", tone: "plain" },
  "experiment.finished": { label: "proof", tone: "dim" },
  "verdict.reached": { label: "checks", tone: "plain" },
  "recovery.decided": { label: "recovery", tone: "ask" },
  "stage.failed": { label: "daemon", tone: "bad" },
  "stage.lost": { label: "daemon", tone: "bad" },
  "stage.parked": { label: "daemon", tone: "ask" },
  "hold.repaired": { label: "daemon", tone: "ask" },
  "event.garbled": { label: "daemon", tone: "bad" },
} as const satisfies Record<EventType, EventLook>;

const worktreeSteps = new Set<unknown>(["worktree", "include", "setup"]);

/** How an event looks. Pure; `data.step` and `data.result` refine its type. */
export function lookOfEvent({
  type,
  data,
}: {
  type: string;
  data: Record<string, unknown>;
}): EventLook {
  const look: EventLook = Object.hasOwn(looks, type)
    ? looks[type as EventType]
    : { label: type.split(".")[0] ?? type, tone: "plain" };
  if (worktreeSteps.has(data.step)) return { ...look, label: "worktree" };
  if (data.result === "pass" || data.result === "green") return { ...look, tone: "good" };
  if (["fail", "red"].includes(String(data.result))) return { ...look, tone: "bad" };
  if (["inconclusive", "open", "refuted"].includes(String(data.result)))
    return { ...look, tone: "ask" };
  return look;
}
