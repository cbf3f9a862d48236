/**
 * How long to wait for a provider limit. Pure. The longest known window is a week;
 * `maxProviderWaits` waits in a row take longer than that, so until then nothing is given up and no
 * work continues without its planner or reviewer. The provider's own time is used if it gives one;
 * if that keeps being wrong, or is missing, the waits grow.
 */
export const maxProviderWaits = 40;

const hourMs = 3_600_000;
const minuteMs = 60_000;
/** Windows last hours or a week; anything longer is not believed. */
const maxWaitMs = 8 * 24 * hourMs;
/** First wait when the provider gives no time. */
const unknownMs = hourMs;
const longestMs = 6 * hourMs;
const leastMs = 1_000;
/** How many times in a row the provider's time is taken as it is. */
const trustedTimes = 3;

/**
 * `times` counts from 1 and includes this wait; `chance` in [0, 1) adds jitter so that many tasks
 * do not return at once.
 */
export function providerWaitMs(
  retryAt: Date | null,
  times: number,
  { now, chance }: { now: Date; chance: number },
): number {
  const aheadMs = retryAt === null ? unknownMs : retryAt.getTime() - now.getTime();
  const grownMs = Math.min(longestMs, minuteMs * 2 ** (times - trustedTimes));
  // A window of seconds may end while the attempt does.
  const isTrusted = aheadMs > -minuteMs && times <= trustedTimes;
  const toldMs = isTrusted ? Math.max(aheadMs, leastMs) : Math.max(aheadMs, grownMs, minuteMs);
  const waitMs = Math.min(maxWaitMs, toldMs);
  return Math.round(waitMs + chance * Math.min(30_000, waitMs / 10));
}
