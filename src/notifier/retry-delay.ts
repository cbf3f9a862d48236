/**
 * When to retry a refused notification. Pure: doubles from ten seconds to an hour, or from five
 * minutes to six hours after a deliberate refusal; half of it is jitter. A longer Retry-After wins,
 * up to six hours. Null after three days: give up.
 */
export function retryDelayMs(
  failure: { hope: "likely" | "unlikely"; retryAfterMs: number | null },
  attempts: number,
  ageMs: number,
  random: () => number = Math.random,
): number | null {
  if (ageMs >= giveUpAfterMs) return null;
  const { firstMs, mostMs } = steps[failure.hope];
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(attempts - 1, 20));
  const jittered = full / 2 + (full / 2) * random();
  return Math.max(jittered, Math.min(failure.retryAfterMs ?? 0, steps.unlikely.mostMs));
}

const minute = 60_000;
const giveUpAfterMs = 3 * 24 * 60 * minute;
const steps = {
  likely: { firstMs: 10_000, mostMs: 60 * minute },
  unlikely: { firstMs: 5 * minute, mostMs: 6 * 60 * minute },
} as const;
