import { type Decision, interruptedKinds, nameFallback } from "../core/task/failure.ts";
import { backoffMs } from "./backoff.ts";
import type { Failure } from "./classify.ts";
import {
  type Climb,
  climb,
  countedKinds,
  type Left,
  mayReplan,
  type PastFailure,
} from "./ladder.ts";

/** The position of the failed attempt among its subtask's attempts, counted from 1. */
export type Place = {
  number: number;
  /** The first attempt that counts; above 1 once a person reopened the subtask. */
  firstCounted: number;
};

export type Options = {
  backoffBaseMs: number;
  chance: number;
  now: Date;
  place: Place;
  left: Left;
  /** What is asked when nothing else is left, with the reason in its middle; null: it fails then. */
  askForHelp: ((reason: string) => string) | null;
};

/**
 * The budget of counted attempts, whatever they end with: room for a repair or two, a fresh attempt
 * or two, and somebody else.
 */
export const maxAttempts = 6;

/** The next rung of the ladder as a decision, as far as the budget of attempts goes. */
export function climbOn(
  failure: Failure,
  history: readonly PastFailure[],
  options: Options,
): Decision {
  const { kind, signature, detail } = failure;
  const { place } = options;
  const base = { kind, signature };
  const counted = history.filter((past) => countedKinds.has(past.kind)).length + 1;
  const last: Climb = { rung: mayReplan(kind, options.left) ? "replan" : "give_up", why: "" };
  const step: Climb = counted < maxAttempts ? climb(failure, history, options.left) : last;
  const { rung, why } = step;
  const because = why === "" ? "" : `, because ${why}`;
  const after = `after ${countAttempts(counted, place)}${because}`;
  if (rung === "give_up") return endWith(failure, after, options);
  if (rung === "replan") return planAnew(failure, after);
  const next = nameNext(counted + 1, place);
  if (rung === "repair") {
    const reason = `${next} repairs it in the same session (${detail})`;
    return { action: "retry", rung, ...base, delayMs: 0, reason };
  }
  const { backoffBaseMs: baseMs, chance } = options;
  const delayMs = backoffMs(counted, { baseMs, capMs: 5 * 60_000, chance });
  if (step.rung === "fallback") {
    const { fallback } = step;
    const reason = `${next} by ${nameFallback(fallback)}, from a clean base, with what was tried in its brief${because} (${detail})`;
    return { action: "retry", rung: "fallback", ...base, delayMs, fallback, reason };
  }
  const reason = `${next} from a clean base, with what was tried in its brief${because} (${detail})`;
  return { action: "retry", rung: "fresh", ...base, delayMs, reason };
}

/** A planner replaces the subtask. */
export function planAnew({ detail, kind, signature }: Failure, why: string): Decision {
  const reason = `a planner replaces it by other parts ${why}: ${detail}`;
  return { action: "retry", rung: "replan", kind, signature, delayMs: 0, reason };
}

/** Nothing that recovery could do by itself is left: a person is asked for help, or it fails. */
export function endWith(
  { detail, kind, signature }: Failure,
  why: string,
  { askForHelp }: Pick<Options, "askForHelp">,
): Decision {
  const base = { kind, signature };
  if (askForHelp === null) {
    return { action: "give_up", rung: "give_up", ...base, reason: `giving up ${why}: ${detail}` };
  }
  const reason = `asks for help ${why}: ${detail}`;
  // What was interrupted goes on once what was in its way is gone; what failed begins afresh.
  const rung = interruptedKinds.has(kind) ? "ask" : "help";
  const question = askForHelp(`${why}: ${detail}`);
  return { action: "ask", rung, asks: "stuck", ...base, reason, question };
}

/**
 * `attempt 2 of 6`; `attempt 5 (2 of 6 since it was reopened)` if the number alone would mislead.
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
