import { type ModelCall, noUsage, type UsageCounts } from "./usage.ts";

/**
 * Numbers to add to an account. Calls counted while a program works are compared with its final
 * bill: the bill wins, and the difference is added, negative if too much was counted.
 */
export type UsageDelta = Omit<UsageCounts, "costUsd"> & {
  unpricedCalls: number;
  /** Of the calls with a known price. */
  costUsd: number;
};

export function deltaOf({ tokens, latencyMs, costUsd }: Omit<ModelCall, "model">): UsageDelta {
  return {
    calls: 1,
    callsWithoutTokens: tokens ? 0 : 1,
    inputTokens: tokens?.inputTokens ?? 0,
    cachedInputTokens: tokens?.cachedInputTokens ?? 0,
    outputTokens: tokens?.outputTokens ?? 0,
    reasoningTokens: tokens?.reasoningTokens ?? 0,
    latencyMs: Math.round(latencyMs),
    unpricedCalls: costUsd === null ? 1 : 0,
    costUsd: costUsd ?? 0,
  };
}

export const noDelta: UsageDelta = { ...noUsage, unpricedCalls: 0, costUsd: 0 };

export function addDeltas(a: UsageDelta, b: UsageDelta): UsageDelta {
  return combine(a, b, (left, right) => left + right);
}

/**
 * What a bill adds to the calls already counted. A bill knows sums, not calls: counted calls stay,
 * and if there were none it counts as one. Null: nothing to add.
 */
export function restOf(bill: UsageDelta, counted: UsageDelta): UsageDelta | null {
  const rest = combine(bill, counted, (said, known) => said - known);
  const calls = bill.calls > 0 && counted.calls > 0 ? 0 : rest.calls;
  // If the bill's price is unknown, so is that of each of its calls.
  const unpricedCalls =
    bill.unpricedCalls > 0 && counted.calls > 0
      ? counted.calls - counted.unpricedCalls
      : rest.unpricedCalls;
  const whole = { ...rest, calls, unpricedCalls };
  return Object.values(whole).every((value) => value === 0) ? null : whole;
}

function combine(a: UsageDelta, b: UsageDelta, how: (a: number, b: number) => number): UsageDelta {
  const names = Object.keys(noDelta) as (keyof UsageDelta)[];
  return Object.fromEntries(names.map((name) => [name, how(a[name], b[name])])) as UsageDelta;
}
