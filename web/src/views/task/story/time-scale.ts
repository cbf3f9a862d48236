/**
 * A scale from time to width. Where nothing happens for long (a night before an answer) the scale
 * is broken, so that what happened keeps its width. Pure.
 */
export type Span = { from: number; to: number };
export type Scale = {
  /** Left to right, from 0 to `width`. */
  at(time: number): number;
  /** Where time was left out, and how much. */
  breaks: { x: number; ms: number }[];
  ticks: { x: number; time: number }[];
};

/** A gap longer than this share of the busy time is broken. */
const longShare = 0.25;
const leastGapMs = 60_000;
/** What a broken gap takes of the width. */
const breakShare = 0.04;

export function makeScale(spans: readonly Span[], width: number): Scale {
  const busy = mergeSpans(spans);
  const first = busy[0];
  const last = busy.at(-1);
  if (!first || !last) return { at: () => 0, breaks: [], ticks: [] };
  const busyMs = Math.max(1, sum(busy.map(({ from, to }) => to - from)));
  const gaps = busy.slice(1).map(({ from }, index) => {
    const start = (busy[index] as Span).to;
    return {
      from: start,
      to: from,
      isLong: from - start > Math.max(leastGapMs, longShare * busyMs),
    };
  });
  const long = gaps.filter(({ isLong }) => isLong);
  const shownMs = Math.max(1, last.to - first.from - sum(long.map(({ from, to }) => to - from)));
  const broken = Math.min(0.5, long.length * breakShare);
  const perMs = (width * (1 - broken)) / shownMs;
  const perBreak = long.length === 0 ? 0 : (width * broken) / long.length;

  const at = (time: number) => {
    const inside = Math.min(Math.max(time, first.from), last.to);
    let x = (inside - first.from) * perMs;
    for (const { from, to } of long) {
      const passed = Math.min(Math.max(inside - from, 0), to - from);
      x += -passed * perMs + (passed / (to - from)) * perBreak;
    }
    return x;
  };
  const breaks = long.map(({ from, to }) => ({ x: (at(from) + at(to)) / 2, ms: to - from }));
  const ticks = [first.from, ...long.map(({ to }) => to), last.to].map((time) => ({
    ...{ x: at(time), time },
  }));
  return { at, breaks, ticks };
}

/** Spans that touch or overlap are one. */
export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of spans.toSorted((left, right) => left.from - right.from)) {
    const before = merged.at(-1);
    if (before && span.from <= before.to) before.to = Math.max(before.to, span.to);
    else merged.push({ ...span });
  }
  return merged;
}

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, number) => total + number, 0);
