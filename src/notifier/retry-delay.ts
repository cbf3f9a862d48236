/**
 * When a notification that was not taken is tried again. Pure: doubling from ten seconds to an
 * hour, or from five minutes to six hours where the other side means its no; half of it is chance,
 * so that many do not knock at once. What the other side asks for counts when it is longer. Null
 * after three days: a person has found out by then.
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
