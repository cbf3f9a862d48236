/**
 * A clock that the test moves, and no chance. Both replace the real ones for as long as a simulation
 * runs: transitions read the time as anything else does, and fake timers cost more than they do.
 */
const RealDate = Date;
const realRandom = Math.random;

export type Clock = { set(ms: number): void; restore(): void };

export function startClock(): Clock {
  let now = RealDate.now();
  class SimulatedDate extends RealDate {
    constructor(...given: [] | [number | string | Date]) {
      if (given.length === 0) super(now);
      else super(given[0]);
    }
    static override now(): number {
      return now;
    }
  }
  globalThis.Date = SimulatedDate as DateConstructor;
  Math.random = () => 0.5;
  return {
    set: (ms) => {
      now = ms;
    },
    restore: () => {
      globalThis.Date = RealDate;
      Math.random = realRandom;
    },
  };
}
