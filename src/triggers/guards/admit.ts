import { DeputyError } from "../../core/base/error.ts";
import type { Guards } from "./guard-rule.ts";
import { describeBreaker, requireQuiet, type SubjectRows } from "./require-quiet.ts";

/**
 * The one gate between an event that fits a rule and a task. A cap holds an event back until there is
 * room. A breaker is no cap: once too many events of one rule and repository want to start something,
 * two programs answer each other or something is broken, so nothing starts, what is queued is
 * cancelled, and only a person closes it. An event may be the echo of a task of ours; the third echo
 * in a row starts nothing.
 */
export type Candidate = {
  deliveryId: string;
  /** Its name. */
  rule: string;
  repository: string;
  /** How many tasks of a Deputy led to it, one by the other. */
  depth: number;
  guards: Guards;
  /** Where its comments go; null: nowhere. */
  subject: string | null;
};

export type GuardRows = SubjectRows & {
  /** Comments of ours on one subject within an hour. */
  mostComments: number;
  /** Notes once that the delivery wants to start a task; says how its rule stands. */
  want(candidate: Omit<Candidate, "depth" | "subject">): Promise<{
    /** It was let through before, and its task may still have to be made. */
    isAdmitted: boolean;
    /** It has made a task, and a crash kept that from being recorded. */
    hasTask: boolean;
    /** Since when the breaker is open. */
    brokenSince: Date | null;
    /** Events within ten minutes, and since the breaker was closed. */
    recent: number;
    /** When a cap has room again; null: it has. */
    hourFreeAt: Date | null;
    dayFreeAt: Date | null;
  }>;
  admit(deliveryId: string): Promise<void>;
};

export const maxDepth = 3;

export type Admit = (candidate: Candidate) => Promise<void>;

/** Throws a DeputyError where the event starts nothing: `unavailable` with a time for a cap. */
export async function admit(rows: GuardRows, candidate: Candidate): Promise<void> {
  const { deliveryId, depth, guards, rule } = candidate;
  const repository = withoutLogin(candidate.repository);
  const refuse = (message: string, field: string, retryAt: Date | null = null): never => {
    throw new DeputyError(retryAt ? "unavailable" : "forbidden", message, { field, retryAt });
  };
  if (depth > maxDepth)
    refuse(`${depth} tasks led to this event, one by the other; ${maxDepth} may`, "depth");
  const state = await rows.want({ deliveryId, rule, repository, guards });
  if (state.hasTask) return;
  if (candidate.subject !== null) await requireQuiet(rows, candidate.subject, rows.mostComments);
  // Also for one that was let through and could not start yet: the breaker opened meanwhile.
  if (state.brokenSince) refuse(describeBreaker({ rule, openedAt: state.brokenSince }), "breaker");
  if (state.isAdmitted) return;
  if (state.recent > guards.breaker) {
    const reason = `more than ${guards.breaker} events within ten minutes wanted to start a task in ${repository}`;
    refuse(
      describeBreaker({ rule, openedAt: await rows.open({ rule, repository, reason }) }),
      "breaker",
    );
  }
  if (state.hourFreeAt)
    refuse(
      `${rule} may start no more than ${guards.maxPerHour} in an hour`,
      cap.hour,
      state.hourFreeAt,
    );
  if (state.dayFreeAt)
    refuse(`${rule} may start no more than ${guards.maxPerDay} in a day`, cap.day, state.dayFreeAt);
  await rows.admit(deliveryId);
}

const cap = { hour: "max_per_hour", day: "max_per_day" } as const;

/** Whether a delivery is held back by its rule: it waits, however long that takes. */
export function isCapped(error: unknown): boolean {
  return error instanceof DeputyError && Object.values<string | null>(cap).includes(error.field);
}

/** A password has no place in rows and in what is told. */
function withoutLogin(repository: string): string {
  return repository.replace(/\/\/[^/@]*@/, "//");
}
