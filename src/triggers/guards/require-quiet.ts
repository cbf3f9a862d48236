import { DeputyError } from "../../core/base/error.ts";
import { withoutForge } from "../../core/forge/place.ts";

/**
 * A subject on which we wrote too many comments within an hour has a breaker of its own, which is
 * called like the subject: whoever makes us write there may be a program that answers what we write.
 * Its events do nothing then, until a person closes it.
 */
export type SubjectRows = {
  /** Since when its breaker is open, and how many comments of ours are new. */
  lookAtSubject(about: {
    subject: string;
    place: string;
  }): Promise<{ brokenSince: Date | null; recent: number }>;
  /** Opens the breaker, tells the operator once, and cancels what has not begun. Returns since when. */
  open(about: { rule: string; repository: string; reason: string }): Promise<Date>;
};

/** Throws a DeputyError where the subject is to be left alone. `most`: comments within an hour. */
export async function requireQuiet(
  rows: SubjectRows,
  subject: string,
  most: number,
): Promise<void> {
  if (!isPlace(subject)) return;
  // GitHub's places have no forge before them.
  const place = subject.replace(/^github:/, "");
  const state = await rows.lookAtSubject({ subject, place });
  if (state.brokenSince === null && state.recent <= most) return;
  const openedAt =
    state.brokenSince ??
    (await rows.open({
      rule: subject,
      repository: withoutForge(subject).replace(/[#!]\d+$/, ""),
      reason: `Deputy wrote more than ${most} comments on ${withoutForge(subject)} within an hour`,
    }));
  throw new DeputyError("forbidden", describeBreaker({ rule: subject, openedAt }), {
    field: "breaker",
  });
}

/** Whether it names an issue or a pull request; no rule is called like that. */
function isPlace(name: string): boolean {
  return /^(?:github|gitea|gitlab):\S+[#!]\d{1,12}$/.test(name);
}

/** What a breaker stops: a rule, or a subject. */
export function describeStopped(rule: string): string {
  return isPlace(rule) ? `the subject ${withoutForge(rule)}` : `the rule ${rule} of triggers.yaml`;
}

export function describeBreaker({ rule, openedAt }: { rule: string; openedAt: Date }): string {
  return `breaker open since ${openedAt.toISOString()}; ${writeReset(rule)} closes it`;
}

/** For a shell, to which marks of places say something. */
export function writeReset(rule: string): string {
  return `deputy trigger reset ${isPlace(rule) ? `'${rule}'` : rule}`;
}
