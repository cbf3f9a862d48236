/** Wilson's score interval at 95 %: it is honest for few runs, and at none or all of them. */
export function wilson(right: number, runs: number): { low: number; high: number } {
  if (runs === 0) return { low: 0, high: 1 };
  const z = 1.96;
  const share = right / runs;
  const middle = share + z ** 2 / (2 * runs);
  const half = z * Math.sqrt((share * (1 - share)) / runs + z ** 2 / (4 * runs ** 2));
  const scale = 1 + z ** 2 / runs;
  return { low: Math.max(0, (middle - half) / scale), high: Math.min(1, (middle + half) / scale) };
}

/** "3 of 4 (30–95 %)". */
export function tellShare(right: number, runs: number): string {
  const { high, low } = wilson(right, runs);
  return `${right} of ${runs} (${Math.round(low * 100)}–${Math.round(high * 100)} %)`;
}

/** 0 of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** "p50 3 ms, p95 40 ms, at most 51 ms, of 60". */
export function tellTimes(times: readonly number[]): string {
  if (times.length === 0) return "none";
  const at = (share: number) => `${percentile(times, share)} ms`;
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, at most ${at(1)}, of ${times.length}`;
}

export type Random = () => number;

/** A small generator with a seed (mulberry32). */
export function makeRandom(start: number): Random {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
