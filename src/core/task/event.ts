/** An appended fact, in the past tense. The list is closed: add a line for a new type. */
export const eventTypes = [
  "task.created",
  "task.planning",
  "task.planned",
  "task.waiting",
  "plan.progressed",
  "plan.made",
  "plan.revised",
  "plan.revision_refused",
  "task.resumed",
  "task.delivering",
  "task.completed",
  "task.failed",
  "task.cancel_requested",
  "task.cancelled",
  "task.retried",
  "task.accepted",
  "task.rolled_back",
  "task.discarded",
  "task.restored",
  "task.needs_person",
  "task.updated",
  "task.budget_set",
  "task.pruned",
  "task.messaged",
  "task.paused",
  "task.unpaused",
  "task.commented",
  "task.commanded",
  "task.origin_changed",
  "subtask.ready",
  "subtask.held",
  "subtask.verifying",
  "subtask.integrating",
  "subtask.completed",
  "subtask.recovering",
  "subtask.failed",
  "subtask.cancelled",
  "subtask.retried",
  "subtask.reworked",
  "subtask.blamed",
  "subtask.moved",
  "question.asked",
  "question.answered",
  "attempt.started",
  "attempt.progressed",
  "attempt.ended",
  "attempt.finished_late",
  "check.finished",
  "experiment.finished",
  "verdict.reached",
  "recovery.decided",
  "stage.failed",
  "stage.lost",
  "stage.parked",
  "hold.repaired",
  "worktree.freed",
  /** Stands in for an event whose row cannot be read. */
  "event.garbled",
] as const;
export type EventType = (typeof eventTypes)[number];

/** A stored event. `seq` is the position in the log that SSE's Last-Event-ID names. */
export type Event = {
  seq: number;
  id: string;
  taskId: string;
  subtaskId: string | null;
  attemptId: string | null;
  type: EventType;
  /** One plain sentence for people. */
  message: string;
  data: Record<string, unknown>;
  at: Date;
};
