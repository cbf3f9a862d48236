import type { RoleEnd } from "../../agents/agent.ts";
import { isProviderLimit } from "../../core/task/failure.ts";
import type { Outcome } from "../../core/task/outcome.ts";

/**
 * Thrown when a reviewer could not answer for a temporary reason: the provider asks to wait, or a
 * person has to grant more budget. It ends the round as an error, because nothing can be concluded
 * without that answer. The answers of other reviewers are kept, and this reviewer's session is
 * resumed.
 */
export class HeldUp extends Error {
  readonly outcome: Extract<Outcome, { kind: "postponed" | "unaffordable" }>;

  constructor(outcome: HeldUp["outcome"]) {
    super(outcome.detail);
    this.outcome = outcome;
  }
}

/** Which reasons may still hold it up: each may have been waited for, or refused, before. */
export type Patience = { mayPostpone: boolean; mayAskForBudget: boolean };

/** `agent` null: the one of the role. @throws HeldUp when the run ended for a temporary reason. */
export function throwWhenHeldUp(end: RoleEnd, patience: Patience, agent: string | null): void {
  if (end.reason === "done") return;
  const detail = `a reviewer was held up: ${end.detail}`;
  if (patience.mayPostpone && isProviderLimit(end))
    throw new HeldUp({
      ...{ kind: "postponed", detail, retryAt: end.retryAt },
      ...(agent !== null && { agent }),
    });
  // Only the task's budget can be raised by a question; the limit of one run cannot.
  const isBudget = end.reason === "out_of_budget" && end.question !== null;
  if (patience.mayAskForBudget && isBudget) throw new HeldUp({ kind: "unaffordable", detail });
}
