import type { Claim, Outcome } from "../core/outcome.ts";
import type { Subtask, Task } from "../core/task.ts";
import { endAttemptRow } from "../store/attempts.ts";
import type { Tx } from "../store/schema.ts";
import { appendEvent } from "../store/transition.ts";

/** Write how an attempt ended: once, with exactly one reason. */
export async function endAttempt(
  tx: Tx,
  task: Task,
  subtask: Subtask,
  claim: Claim,
  outcome: Extract<Outcome, { kind: "attempted" }>,
): Promise<void> {
  if (!claim.attemptId) return;
  const { kind: _, ...ending } = outcome;
  const row = await endAttemptRow(tx, claim.attemptId, ending);
  if (!row) return;
  await appendEvent(tx, task.id, {
    type: "attempt.ended",
    message: `Attempt ${row.number} of "${subtask.title}" ended: ${outcome.reason}${outcome.detail ? ` (${outcome.detail})` : ""}`,
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
