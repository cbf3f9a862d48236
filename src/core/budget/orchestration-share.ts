import { interruptedKinds } from "../task/failure.ts";
import { sumUsage, type UsageCounts } from "./usage.ts";

/**
 * The cost of directing the work, apart from the work itself: planning, review, and recovery, which
 * is every attempt after a failed one. An attempt that continues an interrupted one (a question, a
 * pause, a restart, a limit) counts as what that attempt was. In a review task the reviewer does
 * the work.
 */
export type OrchestrationShare = {
  planning: UsageCounts;
  review: UsageCounts;
  recovery: UsageCounts;
  work: UsageCounts;
  /**
   * Fraction of the total that is not work, from 0 to 1: of dollars, or of tokens if a price is
   * unknown.
   */
  share: number;
  shareOf: "dollars" | "tokens";
};

export type PaidAttempt = {
  id: string;
  subtaskId: string;
  number: number;
  /** How recovery classified its ending; null: it ended well, or has not ended. */
  failure: string | null;
};

export function splitOrchestration(
  rows: readonly (UsageCounts & { role: string; attemptId: string | null })[],
  attempts: readonly PaidAttempt[],
  expectsChange: boolean,
): OrchestrationShare {
  const recovery = findRecovery(attempts);
  const purposeOf = ({ role, attemptId }: { role: string; attemptId: string | null }) => {
    if (role === "planner") return "planning";
    if (role === "reviewer" && expectsChange) return "review";
    return attemptId !== null && recovery.has(attemptId) ? "recovery" : "work";
  };
  const sumOf = (purpose: string) => sumUsage(rows.filter((row) => purposeOf(row) === purpose));
  const split = {
    planning: sumOf("planning"),
    review: sumOf("review"),
    recovery: sumOf("recovery"),
    work: sumOf("work"),
  };
  const all = sumUsage(rows);
  const shareOf = all.costUsd === null || all.costUsd === 0 ? "tokens" : "dollars";
  const measure = (counts: UsageCounts) =>
    shareOf === "dollars" ? (counts.costUsd ?? 0) : counts.inputTokens + counts.outputTokens;
  const whole = measure(all);
  return { ...split, share: whole === 0 ? 0 : 1 - measure(split.work) / whole, shareOf };
}

function findRecovery(attempts: readonly PaidAttempt[]): ReadonlySet<string> {
  const recovery = new Set<string>();
  const latest = new Map<string, PaidAttempt>();
  for (const attempt of attempts.toSorted((left, right) => left.number - right.number)) {
    const before = latest.get(attempt.subtaskId);
    latest.set(attempt.subtaskId, attempt);
    // After one that ended well a person asked for more, which is work.
    if (!before || before.failure === null) continue;
    const goesOn = (interruptedKinds as ReadonlySet<string>).has(before.failure);
    if (!goesOn || recovery.has(before.id)) recovery.add(attempt.id);
  }
  return recovery;
}
