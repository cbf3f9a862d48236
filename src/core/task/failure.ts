import type { QuestionKind } from "./question.ts";

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

/** Failures of a change as a whole, green checks included, that its author is told of as it works. */
const continuedKinds: ReadonlySet<FailureKind> = new Set<FailureKind>([
  ...interruptedKinds,
  "review_blocked",
  "review_not_done",
  "judges_changed",
  "tests_weakened",
]);

/** The next attempt starts on what is merged by then: the work is done again, not the diff. */
export const restartedOnHead: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "conflict",
  "integration_red",
  "work_lost",
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

/**
 * The rungs of recovery's ladder: what the next attempt is. `continue`: the same work goes on, not
 * counted. `repair`: the same session and files, with what failed. `fresh`: a new worktree at the
 * base. `fallback`: another agent or model, afresh. `replan`: a planner replaces the subtask by other
 * ones. `ask`: a person answers, and the attempt continues the session. `help`: recovery has no rung
 * left; a person answers, and the attempt starts in a new worktree with the answer in its brief.
 */
export const rungs = [
  ...(["continue", "repair", "fresh", "fallback", "replan"] as const),
  ...(["ask", "help", "give_up"] as const),
] as const;
export type Rung = (typeof rungs)[number];

export function isRung(word: string): word is Rung {
  return (rungs as readonly string[]).includes(word);
}

/** For people: `then …`. */
export const rungNames: Record<Rung, string> = {
  continue: "continue",
  repair: "repair in the same session",
  fresh: "start afresh",
  fallback: "another agent or model",
  replan: "plan it anew",
  ask: "ask",
  help: "ask a person for help",
  give_up: "give up",
};

/** Who works after a task's own agent failed; a null model is the agent's default. */
export type Fallback = { agent: string; model: string | null };

/** For people: `codex with gpt-5.5`. */
export function nameFallback({ agent, model }: Fallback): string {
  const name = agent.startsWith("command:") ? "a command" : agent;
  return model === null ? name : `${name} with ${model}`;
}

/** What recovery decided about a subtask, with a reason for people. */
export type Decision = { kind: FailureKind; signature: string; reason: string } & (
  | { action: "retry"; rung: "continue" | "repair" | "fresh" | "replan"; delayMs: number }
  | { action: "retry"; rung: "fallback"; delayMs: number; fallback: Fallback }
  | {
      action: "ask";
      rung: "ask" | "help";
      asks: QuestionKind;
      question: string;
      choices?: string[];
    }
  | { action: "give_up"; rung: "give_up" }
);

/** Whether the next attempt goes on in the session and the files of the one before. */
export function goesOn(rung: Rung): boolean {
  return rung === "continue" || rung === "repair" || rung === "ask";
}

/** The rung of a decision that was stored before decisions named theirs. */
export function rungOfEarlier(decision: Pick<Decision, "action" | "kind">): Rung {
  if (decision.action !== "retry") return decision.action;
  return continuedKinds.has(decision.kind) ? "continue" : "fresh";
}
