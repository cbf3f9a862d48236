import { type Decision, type FailureKind, nameFallback } from "../core/task/failure.ts";
import { maxProviderWaits, providerWaitMs } from "../core/task/provider-wait.ts";
import type { QuestionKind } from "../core/task/question.ts";
import { backoffMs } from "./backoff.ts";
import type { Failure } from "./classify.ts";
import { climbOn, endWith, type Options, planAnew } from "./climb-on.ts";
import { findFallback, mayReplan, type PastFailure } from "./ladder.ts";

/**
 * A failure and the subtask's history in, one action and its reason out. Pure. Failures of the work
 * itself count, and climb the ladder (climb-on.ts).
 *
 * Not counted are attempts that were lost or never reached the model, and merges lost to a sibling
 * (the work was good when it started); they have limits of their own, so nothing loops forever.
 * Review rounds are counted with their findings (core/review.ts) and end in a question. Parking has
 * no limit: a person may stop the daemon as often as they like.
 */
/** Interruptions after which the work continues uncounted; after more of them, each counts. */
const maxInterruptions: Partial<Record<FailureKind, number>> = { hung: 2, killed: 5 };
const maxLost = 10;
const maxLostMerges = 5;
const maxTransient = 6;
const maxReviewRounds = 30;
const maxSpaceWaitMs = 60_000;

type Answer =
  | "another_round"
  | "tell_once_then_ask"
  | "climb"
  | "retry_alone"
  | "retry_uncounted"
  | "wait_for_provider"
  | "go_on"
  | "redo"
  | "wait_for_person"
  | "go_on_after_kill"
  | "ask"
  | "ask_where_it_can_be_granted"
  | "give_up";

const answers: Record<FailureKind, Answer> = {
  checks_failed: "climb",
  policy_violated: "climb",
  judges_changed: "ask",
  tests_weakened: "tell_once_then_ask",
  review_blocked: "another_round",
  review_not_done: "ask",
  no_change: "climb",
  content_rejected: "climb",
  inconclusive: "climb",
  conflict: "retry_alone",
  integration_red: "retry_alone",
  agent_failed: "climb",
  timed_out: "climb",
  stalled: "climb",
  hung: "go_on_after_kill",
  killed: "go_on_after_kill",
  lost: "retry_uncounted",
  parked: "go_on",
  model_unavailable: "retry_uncounted",
  rate_limit_window: "wait_for_provider",
  infrastructure: "retry_uncounted",
  work_lost: "redo",
  no_space: "wait_for_person",
  unreadable: "wait_for_person",
  agent_unavailable: "give_up",
  plan_refused: "give_up",
  out_of_budget: "ask_where_it_can_be_granted",
  setup_failed: "climb",
  question: "ask",
  permission: "ask",
};

/** `history`: the failures before this one, oldest first, since the task started or was retried. */
export function decide(
  failure: Failure,
  history: readonly PastFailure[],
  options: Options,
): Decision {
  const { kind, signature, detail } = failure;
  const base = { kind, signature };
  const giveUp = (why: string): Decision => endWith(failure, why, options);
  const ask = (reason: string, question: string): Decision => ({
    ...{ action: "ask", rung: "ask", asks: questionKindOf(kind) },
    ...base,
    ...{ reason, question },
    ...(kind === "question" && { choices: failure.choices ?? [] }),
  });
  const goOn = (reason: string, delayMs = 0): Decision => ({
    ...{ action: "retry", rung: "continue" },
    ...base,
    ...{ delayMs, reason },
  });
  const startAgain = (reason: string): Decision => ({
    ...{ action: "retry", rung: "fresh" },
    ...base,
    ...{ delayMs: 0, reason },
  });
  switch (answers[kind]) {
    case "ask":
      return ask(
        kind === "question" ? "the agent needs an answer" : `a person decides: ${detail}`,
        failure.question ?? detail,
      );
    case "ask_where_it_can_be_granted":
      // A person can raise the task's budget, but not the limit of one attempt.
      if (failure.question === null)
        return giveUp("because nobody can raise the limit of one attempt");
      return ask(detail, failure.question);
    case "another_round":
      // Rounds normally end in a question long before; this guards against unforeseen loops.
      if (history.filter((past) => past.kind === kind).length >= maxReviewRounds)
        return giveUp(`after ${maxReviewRounds} rounds with reviewers`);
      if (failure.question !== null) return ask(`a person decides: ${detail}`, failure.question);
      return goOn(`another round: ${detail}`);
    case "tell_once_then_ask":
      if (history.some((past) => past.kind === kind))
        return ask(`a person decides: ${detail}`, failure.question ?? detail);
      return goOn(`back to the agent once, not counted as an attempt: ${detail}`);
    case "give_up":
      return giveUp("because trying again would not help");
    case "climb":
      return climbOn(failure, history, options);
    case "go_on":
      return goOn(`continues: ${detail}`);
    case "redo": {
      const inRow = countInRow(history, kind) + 1;
      if (inRow >= maxLost) return giveUp(`after ${inRow} of these in a row`);
      return startAgain(`again, not counted as an attempt: ${detail}`);
    }
    case "retry_alone": {
      const lost = history.filter((past) => answers[past.kind] === "retry_alone").length + 1;
      if (lost > maxLostMerges) {
        const why = `after ${lost} merges were lost to its siblings`;
        return mayReplan(kind, options.left) ? planAnew(failure, why) : giveUp(why);
      }
      return startAgain(
        `again from the merged state, alone, not counted as an attempt (${detail})`,
      );
    }
    case "wait_for_person": {
      // No limit: it waits for a person to free space or to correct a row. The next stage does not
      // start while the volume is known to be full.
      const inRow = countInRow(history, kind) + 1;
      const delayMs = Math.min(maxSpaceWaitMs, options.backoffBaseMs * 2 ** Math.min(inRow, 20));
      return goOn(`not counted as an attempt: ${detail}`, delayMs);
    }
    case "go_on_after_kill": {
      const kills = history.filter((past) => past.kind === kind).length + 1;
      const max = maxInterruptions[kind] ?? 0;
      if (kills > max) {
        const words = `${detail}, which counts after ${max} times`;
        return climbOn({ ...failure, kind: "agent_failed", detail: words }, history, options);
      }
      const delayMs = backoffMs(kills, {
        baseMs: options.backoffBaseMs,
        capMs: 5 * 60_000,
        chance: options.chance,
      });
      return goOn(`continues, not counted as an attempt (${detail})`, delayMs);
    }
    case "wait_for_provider": {
      const other = options.left.failsOver ? findFallback(kind, history, options.left) : undefined;
      if (other) {
        const reason = `${nameFallback(other)} takes over at once, not counted as an attempt (${detail})`;
        return { action: "retry", rung: "fallback", ...base, delayMs: 0, fallback: other, reason };
      }
      const inRow = countInRow(history, kind) + 1;
      if (inRow > maxProviderWaits) return giveUp(`after more than a week of limits`);
      const delayMs = providerWaitMs(failure.retryAt, inRow, options);
      const until = failure.retryAt ? ` after ${failure.retryAt.toISOString()}` : "";
      return goOn(`again${until}, not counted as an attempt (${detail})`, delayMs);
    }
    case "retry_uncounted": {
      const inRow = countInRow(history, kind) + 1;
      const limit = kind === "lost" ? maxLost : maxTransient;
      if (inRow >= limit) return giveUp(`after ${inRow} of these in a row`);
      const pauseMs =
        kind === "lost"
          ? 0
          : backoffMs(inRow, {
              baseMs: options.backoffBaseMs * 10,
              capMs: 15 * 60_000,
              chance: options.chance,
            });
      const resetsInMs = (failure.retryAt?.getTime() ?? 0) - options.now.getTime();
      const delayMs = Math.max(0, resetsInMs) + pauseMs;
      const until = resetsInMs > 0 ? ` after ${failure.retryAt?.toISOString()}` : "";
      return goOn(`again${until}, not counted as an attempt (${detail})`, delayMs);
    }
  }
}

/** The kind decides which answers are accepted, and from whom. */
function questionKindOf(kind: FailureKind): QuestionKind {
  if (kind === "permission") return "permission";
  if (kind === "out_of_budget") return "budget";
  if (kind === "judges_changed" || kind === "tests_weakened") return "judges";
  return kind === "review_blocked" || kind === "review_not_done" ? "review" : "question";
}

function countInRow(history: readonly PastFailure[], kind: FailureKind): number {
  let count = 0;
  for (const past of [...history].reverse()) {
    if (past.kind !== kind) break;
    count++;
  }
  return count;
}
