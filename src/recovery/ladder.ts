import { type FailureKind, type Fallback, nameFallback, type Rung } from "../core/task/failure.ts";

/**
 * The ladder for failures that count: repair → fresh → fallback → replan → ask for help or give up.
 * Pure: the failure, the decisions about the attempts before it and what the attempt left are all that
 * it knows, and all of them are rows. Each rung changes one thing:
 *
 * - `repair` tells the agent what failed, in its own session and files;
 * - `fresh` forgets session and files, and keeps what was tried as words;
 * - `fallback` has somebody else do that, one after the other; nobody returns to a former one;
 * - `replan` has a planner replace the work by other parts, each with a ladder of its own.
 *
 * No rung is taken twice for the same signature, and none again whose attempt changed no file: both
 * are no progress, and so is A → B → A. A failure with a new signature is progress.
 */
export type PastFailure = {
  kind: FailureKind;
  signature: string;
  rung: Rung;
  /** Who took over, with the rung `fallback`. */
  fallback?: Fallback;
};

export type Left = {
  /** Its agent has a session that can go on. */
  hasSession: boolean;
  /** Its files are those that the attempt before it ended with. */
  isUnchanged: boolean;
  /** Who could take over, in order. */
  fallbacks: readonly Fallback[];
  /** The next of them takes over at a provider's limit. */
  failsOver: boolean;
  /** A planner may replace the subtask by others. */
  mayReplan: boolean;
};

export type Climb =
  | { rung: "repair" | "fresh" | "replan" | "give_up"; why: string }
  | { rung: "fallback"; why: string; fallback: Fallback };

/** Sessions degrade with each failure in them: a new one is worth more than a fourth repair. */
export const maxRepairs = 3;
/** Attempts that start afresh after a failure; leaves room for the rungs above within the budget. */
export const maxFresh = 2;

/** Failures of the work itself. All others have limits of their own, or wait for a person. */
export const countedKinds: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "checks_failed",
  "policy_violated",
  "no_change",
  "content_rejected",
  "inconclusive",
  "agent_failed",
  "timed_out",
  "stalled",
  "setup_failed",
]);

/** A change is there, and its author can be told what is wrong with it. */
const repairable: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "checks_failed",
  "policy_violated",
  "content_rejected",
]);

/** Somebody else would meet the same: the cause is the repository's, or the machine's. */
const independentOfAgent: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "inconclusive",
  "setup_failed",
]);

/** The checks had become green: what failed before was repaired, and may be again. */
const greenKinds: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "review_blocked",
  "review_not_done",
  "judges_changed",
  "tests_weakened",
  "conflict",
  "integration_red",
]);

/**
 * The next rung for a failure that counts, and one clause that says why it is that one. `history`
 * holds the decisions since the subtask started or was reopened, oldest first.
 */
export function climb(
  failure: { kind: FailureKind; signature: string },
  history: readonly PastFailure[],
  left: Left,
): Climb {
  const whyNoRepair = refuseRepair(failure, history, left);
  if (whyNoRepair === null) return { rung: "repair", why: "" };
  const whyNoFresh = refuseFresh(failure, history, left);
  if (whyNoFresh === null) return { rung: "fresh", why: whyNoRepair };
  const fallback = findFallback(failure.kind, history, left);
  if (fallback) return { rung: "fallback", why: whyNoFresh, fallback };
  return { rung: mayReplan(failure.kind, left) ? "replan" : "give_up", why: whyNoFresh };
}

/** Whether other parts could fail less: not where the repository's own checks or setup do not work. */
export function mayReplan(kind: FailureKind, left: Left): boolean {
  return left.mayReplan && !independentOfAgent.has(kind);
}

/** Why it cannot be repaired in its session, empty where that needs no words; null: it can. */
function refuseRepair(
  { kind, signature }: { kind: FailureKind; signature: string },
  history: readonly PastFailure[],
  left: Left,
): string | null {
  if (!repairable.has(kind) || !left.hasSession) return "";
  const session = history.slice(history.findLastIndex(({ rung }) => startsSession(rung)) + 1);
  const repairs = session.filter(({ rung }) => rung === "repair").length;
  if (repairs >= maxRepairs) return `its session was repaired ${repairs} times`;
  // Another agent may repair what the one before it could not.
  const since = history.findLastIndex(
    (past) => greenKinds.has(past.kind) || past.rung === "fallback",
  );
  if (wasTried("repair", signature, history.slice(since + 1)))
    return "a repair led to the same failure";
  if (left.isUnchanged && lastRung(history) === "repair") return "the repair changed nothing";
  return null;
}

function refuseFresh(
  { kind, signature }: { kind: FailureKind; signature: string },
  history: readonly PastFailure[],
  left: Left,
): string | null {
  const last = history.findLast(({ fallback }) => fallback !== undefined)?.fallback;
  if (last) return `${nameFallback(last)} failed as well`;
  const tries = history.filter((past) => isClimb(past, "fresh")).length;
  if (wasTried("fresh", signature, history)) return "a fresh attempt led to the same failure";
  if (tries >= maxFresh) return `${tries} fresh attempts failed as well`;
  if (repairable.has(kind) && left.isUnchanged && lastRung(history) === "fresh")
    return "a fresh attempt led to the same files";
  return null;
}

/** The next one who has not had a turn yet. */
export function findFallback(
  kind: FailureKind,
  history: readonly PastFailure[],
  { fallbacks }: Left,
): Fallback | undefined {
  if (independentOfAgent.has(kind)) return undefined;
  return fallbacks.find(
    ({ agent, model }) =>
      !history.some((past) => past.fallback?.agent === agent && past.fallback.model === model),
  );
}

function wasTried(rung: Rung, signature: string, history: readonly PastFailure[]): boolean {
  return history.some((past) => isClimb(past, rung) && past.signature === signature);
}

/** A lost merge starts afresh as well, which is no rung taken. */
function isClimb(past: PastFailure, rung: Rung): boolean {
  return past.rung === rung && countedKinds.has(past.kind);
}

/** The rung that the failed attempt stood on; null: it was the first. */
function lastRung(history: readonly PastFailure[]): Rung | null {
  return history.findLast(({ rung }) => isStep(rung))?.rung ?? null;
}

/** Whether something new begins with it; otherwise the same work goes on. */
export function isStep(rung: Rung): boolean {
  return rung !== "continue" && rung !== "ask";
}

function startsSession(rung: Rung): boolean {
  return rung === "fresh" || rung === "fallback";
}
