import type { FailureKind } from "../../core/task/failure.ts";
import { plainWords } from "./plain-words.ts";
import { readResetTime } from "./reset-time.ts";

/**
 * Classifies the failure message of a program with its own login; it is all there is, unless the
 * program names the cause (`because`). Pure. A usage limit ends at a known time and is waited for.
 * A busy server is retried soon, unless it asks for more than a minute. A missing credit or a
 * broken login needs a person.
 */
export type Classified = {
  kind: FailureKind;
  /** When to retry; null: unknown. */
  retryAt: Date | null;
  /** Must be fixed by a person first; null: nothing. */
  needs: "login" | "credit" | null;
};

export type Cause = "limit" | "credit" | "login" | "busy";

const loginWords =
  /not logged in|please run \/login|log ?in again|invalid api key|unauthorized|authentication|\b401\b|missing environment variable|no api key|oauth\/token|token (?:has |is )?expired|AuthError|refresh[ _]token|could not be refreshed|sign(?:ing)? in again/i;
const modelWords =
  /\bmodel\b.{0,80}\b(?:not (?:supported|found|exist|available)|may not exist)|(?:unknown|invalid|unsupported) model|model not found/i;
const creditWords =
  /credit balance|out of credits?|(?:insufficient|not enough|no) (?:credits?|balance|funds)|insufficient_quota|spend(?:ing)? (?:cap|limit)|\bbilling\b|payment required|\b402\b|current quota/i;
const usageWords =
  /usage.?limit|(?:session|weekly|daily|monthly|opus|sonnet|plan|hours?|messages?)[ -]limit|(?:message|usage) cap\b|out of (?:(?:extra )?usage|messages)/i;
const limitWords =
  /hit (?:your|the) limit|limit (?:was |has been |is )?(?:reached|exceeded)|quota|allowance|límite/i;
/** Other limits: request rates, or the size or length of one call. */
const otherLimits =
  /rate.?limit|\b(?:retry|context|token|turns?|time|size|memory|calls?|steps?|iterations?) limit/i;
const busyWords =
  /rate.?limit|overloaded|too many requests|\b(?:429|5\d\d)\b|timed? ?out|network|connect|stream/i;

/** A longer wait than this is a limit, not a transient overload. */
const maxBusyMs = 60_000;

export function classifyWords(
  said: string,
  { now, zone, because = null }: { now: Date; zone: string; because?: Cause | null },
): Classified {
  const words = plainWords(said);
  const is = (cause: Cause, pattern: RegExp) =>
    because === null ? pattern.test(words) : because === cause;
  if (is("login", loginWords)) return { kind: "agent_unavailable", retryAt: null, needs: "login" };
  if (because === null && modelWords.test(words))
    return { kind: "agent_unavailable", retryAt: null, needs: null };
  const retryAt = readResetTime(words, now, zone);
  const isUsage = usageWords.test(words) || (limitWords.test(words) && !otherLimits.test(words));
  // Credit is also mentioned with limits that end by themselves, where more can be bought.
  const isLimit =
    isUsage && (retryAt !== null || !creditWords.test(words) || usageWords.test(words));
  if (because === "credit" || (!isLimit && creditWords.test(words)))
    return { kind: "agent_unavailable", retryAt: null, needs: "credit" };
  const isBusy = because === "busy" || because === "limit" || busyWords.test(words);
  const isLong = retryAt !== null && retryAt.getTime() - now.getTime() > maxBusyMs;
  if (isLimit || (isBusy && isLong)) return { kind: "rate_limit_window", retryAt, needs: null };
  if (isBusy) return { kind: "model_unavailable", retryAt, needs: null };
  return { kind: "agent_failed", retryAt: null, needs: null };
}

/** The time zone in which programs on this machine print times. */
export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
