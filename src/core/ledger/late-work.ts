import type { Attempt, Subtask } from "../task/task.ts";

/**
 * Late work is what an attempt finished after it was given up for dead. It is still wanted while
 * nothing of the subtask moved on without it: the same base, and no person who has the attempts
 * counted anew, which advice and comments do. Pure; `attempts` are the subtask's. Null: none.
 */
export function findLateWork<Late extends Pick<Attempt, LateField>>(
  { baseCommit, firstCountedAttempt, kind }: Pick<Subtask, SubtaskField>,
  attempts: readonly Late[],
): (Late & { report: NonNullable<Attempt["report"]> }) | null {
  if (kind !== "work") return null;
  for (const attempt of [...attempts].reverse()) {
    const { report } = attempt;
    const isWanted = attempt.number >= firstCountedAttempt && attempt.baseCommit === baseCommit;
    if (report !== null && attempt.endedAt !== null && isWanted) return { ...attempt, report };
  }
  return null;
}

type LateField = "number" | "baseCommit" | "endedAt" | "report";
type SubtaskField = "baseCommit" | "firstCountedAttempt" | "kind";
