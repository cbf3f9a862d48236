/**
 * Why an attempt ended; exactly one per attempt, the first cause wins. `done` is the agent's claim,
 * not a verdict.
 */
export const endReasons = [
  "done",
  "gave_up",
  "needs_input",
  "out_of_budget",
  "timed_out",
  "stalled",
  "crashed",
  "lost",
  "cancelled",
] as const;
export type EndReason = (typeof endReasons)[number];

/** Recovery's classes of failure. The ladder answers kinds, never raw errors. */
export const failureKinds = [
  "checks_failed",
  "policy_violated",
  /** The change edits what judges it, and nobody allowed that: a person is asked. */
  "judges_changed",
  /** As above, and part of it is shown to be weaker: the agent gets to fix it first. */
  "tests_weakened",
  "review_blocked",
  "review_not_done",
  "no_change",
  "content_rejected",
  "inconclusive",
  "conflict",
  "integration_red",
  "agent_failed",
  "agent_unavailable",
  "plan_refused",
  "timed_out",
  "stalled",
  /** It showed no sign of life; `stalled` is an agent that repeats itself. */
  "hung",
  "killed",
  "lost",
  "parked",
  "model_unavailable",
  "rate_limit_window",
  "out_of_budget",
  "question",
  "permission",
  "setup_failed",
  "infrastructure",
  "no_space",
  "work_lost",
  "unreadable",
] as const;
export type FailureKind = (typeof failureKinds)[number];

/**
 * Nothing about the work was wrong: the process died or was killed, the provider was unavailable,
 * or a person had to be asked.
 */
export const interruptedKinds: ReadonlySet<FailureKind> = new Set([
  "hung",
  "killed",
  "lost",
  "parked",
  "infrastructure",
  "no_space",
  "unreadable",
  "model_unavailable",
  "rate_limit_window",
  "out_of_budget",
  "question",
  "permission",
]);

/**
 * Failures after which the next attempt continues the same work: it was interrupted, or a reviewer
 * or the proof found something to change. After any other, an attempt starts afresh.
 */
export const continuedKinds: ReadonlySet<FailureKind> = new Set<FailureKind>([
  ...interruptedKinds,
  "review_blocked",
  "review_not_done",
  "judges_changed",
  "tests_weakened",
]);

/** Whether a provider limit ended the attempt. The request was not wrong and is repeated later. */
export function isProviderLimit(end: {
  failure: FailureKind | null;
  retryAt: Date | null;
}): boolean {
  return (
    end.failure === "rate_limit_window" ||
    (end.failure === "model_unavailable" && end.retryAt !== null)
  );
}

/** What recovery decided about a subtask, with a reason for people. */
export type Decision =
  | { action: "retry"; kind: FailureKind; signature: string; reason: string; delayMs: number }
  | { action: "ask"; kind: FailureKind; signature: string; reason: string; question: string }
  | { action: "give_up"; kind: FailureKind; signature: string; reason: string };
