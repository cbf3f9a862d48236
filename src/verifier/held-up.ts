import type { RoleEnd } from "../agents/agent.ts";
import { isProviderLimit } from "../core/failure.ts";
import type { Outcome } from "../core/outcome.ts";

/**
 * What keeps a reviewer from its answer and says nothing about it: the provider asks to wait, or a
 * person has to grant more money. It goes through the round as an error, because nothing can be
 * concluded without that answer; what others answered is kept, and this one's session gone on with.
 */
export class HeldUp extends Error {
  readonly outcome: Extract<Outcome, { kind: "postponed" | "unaffordable" }>;

  constructor(outcome: HeldUp["outcome"]) {
    super(outcome.detail);
    this.outcome = outcome;
  }
}

/** What it may be held up by: each may have been waited for, or refused by a person, before. */
export type Patience = { mayPostpone: boolean; mayAskForBudget: boolean };

/** @throws HeldUp when the run ended for a reason that passes. */
export function throwWhenHeldUp(end: RoleEnd, patience: Patience): void {
  if (end.reason === "done") return;
  const detail = `a reviewer was held up: ${end.detail}`;
  if (patience.mayPostpone && isProviderLimit(end))
    throw new HeldUp({ kind: "postponed", detail, retryAt: end.retryAt });
  // Only of the task's budget is there a question; a limit of one run is nobody's to raise.
  const isBudget = end.reason === "out_of_budget" && end.question !== null;
  if (patience.mayAskForBudget && isBudget) throw new HeldUp({ kind: "unaffordable", detail });
}
