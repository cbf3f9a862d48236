import { type ModelCall, noUsage, type UsageCounts } from "./usage.ts";

/**
 * Numbers to be added to an account. What is counted call by call while a program works is held
 * against the bill that it presents at its end: the bill counts, and the difference is added, below
 * nothing where too much was counted.
 */
export type UsageDelta = Omit<UsageCounts, "costUsd"> & {
  unpricedCalls: number;
  /** Of the calls that have a price. */
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
 * What a bill adds to what was counted of it. A bill knows sums and no calls: those that were counted
 * stay, and where none was there is one. Null: nothing is to be added.
 */
export function restOf(bill: UsageDelta, counted: UsageDelta): UsageDelta | null {
  const rest = combine(bill, counted, (said, known) => said - known);
  const calls = bill.calls > 0 && counted.calls > 0 ? 0 : rest.calls;
  // Unknown in the bill is unknown of each of its calls.
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
