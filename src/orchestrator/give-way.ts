import { setTimeout as sleep } from "node:timers/promises";
import type { Stage } from "../core/outcome.ts";

/**
 * On one machine some work is more urgent than other. Taking tasks in goes before planning them;
 * starting an agent goes before tidying up after one that has ended, and both go before the checks
 * of what is done: an agent mostly waits for its model, so the sooner it starts the less is lost,
 * while a check takes all of the machine it can get. What gives way does so for `patienceMs` at
 * most, so nothing waits for a calm that never comes.
 */
export function giveWay(isBusy: () => boolean, patienceMs: number, stage: Stage): Stage {
  return async (claim, signal, freeSlot) => {
    await untilCalm(isBusy, patienceMs, signal);
    return stage(claim, signal, freeSlot);
  };
}

/** Resolves when nothing goes before, or after `patienceMs`. Throws when the signal is aborted meanwhile. */
export async function untilCalm(
  isBusy: () => boolean,
  patienceMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (const since = performance.now(); isBusy() && performance.now() - since < patienceMs; ) {
    await sleep(lookMs, undefined, { signal });
  }
}

const lookMs = 10;

/** Notices when things come in quick succession. */
export type Rush = { note(): void; isOn(): boolean };

/** `many` within `windowMs` are a rush, which lasts until they are that old. */
export function watchRush(many: number, windowMs: number): Rush {
  const lately: number[] = [];
  return {
    note: () => {
      lately.push(performance.now());
      if (lately.length > many) lately.shift();
    },
    isOn: () => lately.length === many && performance.now() - (lately[0] ?? 0) < windowMs,
  };
}

/** Counts urgent work that is under way. */
export type Urgency = {
  isOn(): boolean;
  count(): number;
  /** Returns how to say that it is done. */
  begin(): () => void;
};

/** The stage, counted while it is at work: from its start until it says that its slot is free. */
export function counted(work: Urgency, stage: Stage): Stage {
  return async (claim, signal, freeSlot) => {
    const done = work.begin();
    const free = () => {
      done();
      freeSlot();
    };
    return stage(claim, signal, free).finally(done);
  };
}

export function watchUrgency(): Urgency {
  let underWay = 0;
  return {
    isOn: () => underWay > 0,
    count: () => underWay,
    begin: () => {
      let isDone = false;
      underWay++;
      return () => {
        if (!isDone) underWay--;
        isDone = true;
      };
    },
  };
}
