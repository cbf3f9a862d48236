import { z } from "zod";

/** How much one rule may start, whatever its source. */
const most = z.number().int().min(1).max(10_000).optional();

export const guardFields = {
  /** More is held back until there is room again. */
  max_per_hour: most,
  max_per_day: most,
  /** More events than this within ten minutes, of one repository, open the breaker. */
  breaker: most,
};

export type Guards = { maxPerHour: number | null; maxPerDay: number | null; breaker: number };

const defaultBreaker = 20;

export function readGuards(rule: {
  max_per_hour?: number | undefined;
  max_per_day?: number | undefined;
  breaker?: number | undefined;
}): Guards {
  return {
    maxPerHour: rule.max_per_hour ?? null,
    maxPerDay: rule.max_per_day ?? null,
    breaker: rule.breaker ?? defaultBreaker,
  };
}
