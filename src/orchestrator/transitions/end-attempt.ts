import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { Claim, Outcome } from "../../core/task/outcome.ts";
import type { DoneReport, Ending, Subtask, Task } from "../../core/task/task.ts";

export type Attempted = Extract<Outcome, { kind: "attempted" }>;

/** Record how an attempt ended: once, with exactly one reason. */
export async function endAttempt(
  ledger: TaskLedger,
  task: Task,
  subtask: Subtask,
  claim: Pick<Claim, "attemptId">,
  outcome: Attempted,
): Promise<void> {
  if (!claim.attemptId) return;
  const { kind: _, ...ending } = outcome;
  const row = await ledger.endAttemptRow(claim.attemptId, ending);
  if (!row) return;
  await ledger.appendEvent(task.id, {
    type: "attempt.ended",
    message: `Attempt ${row.number} of "${subtask.title}" ended: ${outcome.reason.replaceAll("_", " ")}${outcome.detail ? ` (${outcome.detail})` : ""}`,
    data: {
      number: row.number,
      key: subtask.key,
      reason: outcome.reason,
      detail: outcome.detail,
      commit: outcome.commit,
      summary: outcome.summary,
    },
    subtaskId: subtask.id,
    attemptId: claim.attemptId,
  });
}

/** The ending as recovery reads it. */
export function endingOf(outcome: Attempted): Ending {
  const { reason, failure, detail, question, choices = [] } = outcome;
  const retryAt = outcome.retryAt?.toISOString() ?? null;
  return { what: "attempt", reason, failure, detail, question, choices, retryAt };
}

/** The outcome of an attempt whose executor wrote down that it was done. */
export function doneAttempt(report: DoneReport): Attempted {
  return { ...lostAttempt(report.detail), ...report, reason: "done", failure: null };
}

/** The outcome of an attempt without a report. */
export function lostAttempt(detail: string): Attempted {
  return {
    kind: "attempted",
    reason: "lost",
    failure: "lost",
    detail,
    outputTail: "",
    commit: null,
    snapshotRef: null,
    summary: null,
    question: null,
    discoveries: [],
    followUps: [],
    confinement: null,
    retryAt: null,
  };
}
