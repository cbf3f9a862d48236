import type { Decision, FailureKind } from "../core/task/failure.ts";
import { maxProviderWaits, providerWaitMs } from "../core/task/provider-wait.ts";
import { backoffMs } from "./backoff.ts";
import type { Failure } from "./classify.ts";

/**
 * The ladder's first rungs as a pure function: a failure and the subtask's history in, one action
 * and its reason out. Later rungs (resume, another agent, replan, roll back) are further cases
 * here.
 *
 * Not counted among the `maxAttempts` attempts of the work itself: attempts that were lost or never
 * reached the model, and merges lost to a sibling (the work was good when it started); they have
 * limits of their own, so nothing loops forever. Review rounds are counted with their findings
 * (core/review.ts) and end in a question. Parking has no limit: a person may stop the daemon as
 * often as they like.
 */
export type PastFailure = { kind: FailureKind; signature: string };

/** The position of the failed attempt among its subtask's attempts, counted from 1. */
export type Place = {
  number: number;
  /** The first attempt that counts; above 1 once a person reopened the subtask. */
  firstCounted: number;
};

export const maxAttempts = 3;
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
  | "retry"
  | "retry_alone"
  | "retry_uncounted"
  | "wait_for_provider"
  | "go_on"
  | "redo"
  | "wait_for_person"
  | "go_on_after_kill"
  | "ask"
  | "ask_where_it_can_be_granted"
  | "give_up"
  | "give_up_when_repeated";

const answers: Record<FailureKind, Answer> = {
  checks_failed: "retry",
  policy_violated: "retry",
  judges_changed: "ask",
  tests_weakened: "tell_once_then_ask",
  review_blocked: "another_round",
  review_not_done: "ask",
  no_change: "retry",
  content_rejected: "retry",
  inconclusive: "give_up_when_repeated",
  conflict: "retry_alone",
  integration_red: "retry_alone",
  agent_failed: "retry",
  timed_out: "retry",
  stalled: "retry",
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
  setup_failed: "give_up_when_repeated",
  question: "ask",
  permission: "ask",
};

const uncounted: ReadonlySet<Answer> = new Set([
  "another_round",
  "tell_once_then_ask",
  "retry_alone",
  "retry_uncounted",
  "go_on",
  "redo",
  "go_on_after_kill",
  "wait_for_provider",
  "wait_for_person",
  "ask",
  "ask_where_it_can_be_granted",
]);

/** `history`: the failures before this one, oldest first, since the task started or was retried. */
export function decide(
  failure: Failure,
  history: readonly PastFailure[],
  options: { backoffBaseMs: number; chance: number; now: Date; place: Place },
): Decision {
  const { kind, signature, detail } = failure;
  const base = { kind, signature };
  const giveUp = (why: string): Decision => ({
    action: "give_up",
    ...base,
    reason: `${why}: ${detail}`,
  });
  switch (answers[kind]) {
    case "ask":
      return {
        action: "ask",
        ...base,
        reason: kind === "question" ? "the agent needs an answer" : `a person decides: ${detail}`,
        question: failure.question ?? detail,
      };
    case "ask_where_it_can_be_granted":
      // A person can raise the task's budget, but not the limit of one attempt.
      if (failure.question === null) return giveUp("giving up");
      return { action: "ask", ...base, reason: detail, question: failure.question };
    case "another_round":
      // Rounds normally end in a question long before; this guards against unforeseen loops.
      if (history.filter((past) => past.kind === kind).length >= maxReviewRounds)
        return giveUp(`giving up after ${maxReviewRounds} rounds with reviewers`);
      if (failure.question !== null) {
        const { question } = failure;
        return { action: "ask", ...base, reason: `a person decides: ${detail}`, question };
      }
      return { action: "retry", ...base, delayMs: 0, reason: `another round: ${detail}` };
    case "tell_once_then_ask": {
      const question = failure.question ?? detail;
      if (history.some((past) => past.kind === kind))
        return { action: "ask", ...base, reason: `a person decides: ${detail}`, question };
      const reason = `back to the agent once, not counted as an attempt: ${detail}`;
      return { action: "retry", ...base, delayMs: 0, reason };
    }
    case "give_up":
      return giveUp(`giving up, because trying again would not help`);
    case "give_up_when_repeated":
      if (history.some((past) => past.signature === signature)) {
        return giveUp(`giving up, because the same failure happened again`);
      }
      return retryCounted(failure, history, options);
    case "retry":
      return retryCounted(failure, history, options);
    case "go_on":
      return { action: "retry", ...base, delayMs: 0, reason: `continues: ${detail}` };
    case "redo": {
      const inRow = countInRow(history, kind) + 1;
      if (inRow >= maxLost) return giveUp(`giving up after ${inRow} of these in a row`);
      const reason = `again, not counted as an attempt: ${detail}`;
      return { action: "retry", ...base, delayMs: 0, reason };
    }
    case "retry_alone": {
      const lost = history.filter((past) => answers[past.kind] === "retry_alone").length + 1;
      if (lost > maxLostMerges)
        return giveUp(`giving up, because ${lost} merges were lost to its siblings`);
      const reason = `again from the merged state, alone, not counted as an attempt (${detail})`;
      return { action: "retry", ...base, delayMs: 0, reason };
    }
    case "wait_for_person": {
      // No limit: it waits for a person to free space or to correct a row. The next stage does not
      // start while the volume is known to be full.
      const inRow = countInRow(history, kind) + 1;
      const delayMs = Math.min(maxSpaceWaitMs, options.backoffBaseMs * 2 ** Math.min(inRow, 20));
      return { action: "retry", ...base, delayMs, reason: `not counted as an attempt: ${detail}` };
    }
    case "go_on_after_kill": {
      const kills = history.filter((past) => past.kind === kind).length + 1;
      const max = maxInterruptions[kind] ?? 0;
      if (kills > max) {
        const words = `${detail}, which counts after ${max} times`;
        return retryCounted({ ...failure, kind: "agent_failed", detail: words }, history, options);
      }
      const delayMs = backoffMs(kills, {
        baseMs: options.backoffBaseMs,
        capMs: 5 * 60_000,
        chance: options.chance,
      });
      const reason = `continues, not counted as an attempt (${detail})`;
      return { action: "retry", ...base, delayMs, reason };
    }
    case "wait_for_provider": {
      const inRow = countInRow(history, kind) + 1;
      if (inRow > maxProviderWaits) return giveUp(`giving up after more than a week of limits`);
      const delayMs = providerWaitMs(failure.retryAt, inRow, options);
      const until = failure.retryAt ? ` after ${failure.retryAt.toISOString()}` : "";
      const reason = `again${until}, not counted as an attempt (${detail})`;
      return { action: "retry", ...base, delayMs, reason };
    }
    case "retry_uncounted": {
      const inRow = countInRow(history, kind) + 1;
      const limit = kind === "lost" ? maxLost : maxTransient;
      if (inRow >= limit) return giveUp(`giving up after ${inRow} of these in a row`);
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
      return {
        action: "retry",
        ...base,
        delayMs,
        reason: `again${until}, not counted as an attempt (${detail})`,
      };
    }
  }
}

function retryCounted(
  { kind, signature, detail }: Failure,
  history: readonly PastFailure[],
  options: { backoffBaseMs: number; chance: number; place: Place },
): Decision {
  const counted = history.filter(({ kind }) => !uncounted.has(answers[kind])).length + 1;
  if (counted >= maxAttempts) {
    return {
      action: "give_up",
      kind,
      signature,
      reason: `giving up after ${countAttempts(counted, options.place)}: ${detail}`,
    };
  }
  const delayMs = backoffMs(counted, {
    baseMs: options.backoffBaseMs,
    capMs: 5 * 60_000,
    chance: options.chance,
  });
  return {
    action: "retry",
    kind,
    signature,
    delayMs,
    reason: `${nameNext(counted + 1, options.place)} from a clean base, with what went wrong in its brief (${detail})`,
  };
}

/**
 * `attempt 2 of 3`; `attempt 5 (2 of 3 since it was reopened)` if the number alone would mislead.
 */
function nameNext(counted: number, { number, firstCounted }: Place): string {
  const next = number + 1;
  if (next === counted) return `attempt ${next} of ${maxAttempts}`;
  const counts = next - firstCounted + 1 === counted ? "" : " that count";
  return `attempt ${next} (${counted} of ${maxAttempts}${counts}${sinceRetry(firstCounted)})`;
}

function countAttempts(counted: number, { number, firstCounted }: Place): string {
  if (number === counted) return `${number} attempts`;
  const counts = number - firstCounted + 1 === counted ? "" : " that count";
  return `${number} attempts (${counted}${counts}${sinceRetry(firstCounted)})`;
}

function sinceRetry(firstCounted: number): string {
  return firstCounted > 1 ? " since it was reopened" : "";
}

function countInRow(history: readonly PastFailure[], kind: FailureKind): number {
  let count = 0;
  for (const past of [...history].reverse()) {
    if (past.kind !== kind) break;
    count++;
  }
  return count;
}
