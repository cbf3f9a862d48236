/**
 * How long a limit of a provider is waited for. Pure. The longest known window is a week: whoever waits
 * `maxProviderWaits` times in a row has waited longer than that, so nothing is given up before it, and
 * no work goes on without its planner or reviewer before it.
 * Where the provider says when the limit ends, that is waited for; where it says so again and again and
 * it does not hold, or says nothing, the waits grow.
 */
export const maxProviderWaits = 40;

const hourMs = 3_600_000;
const minuteMs = 60_000;
/** Windows are of hours or a week; what says more than that is not believed. */
const maxWaitMs = 8 * 24 * hourMs;
/** A provider that does not say: an hour, to begin with. */
const unknownMs = hourMs;
const longestMs = 6 * hourMs;
/** So often its word is taken as it is. */
const trustedTimes = 3;

/** `times`: this wait included, from 1; `chance` in [0, 1) keeps many from coming back at once. */
export function providerWaitMs(
  retryAt: Date | null,
  times: number,
  { now, chance }: { now: Date; chance: number },
): number {
  const aheadMs = retryAt === null ? unknownMs : retryAt.getTime() - now.getTime();
  const grownMs = Math.min(longestMs, minuteMs * 2 ** (times - trustedTimes));
  const isTrusted = aheadMs > 0 && times <= trustedTimes;
  const waitMs = Math.min(maxWaitMs, isTrusted ? aheadMs : Math.max(aheadMs, grownMs, minuteMs));
  return Math.round(waitMs + chance * Math.min(30_000, waitMs / 10));
}
