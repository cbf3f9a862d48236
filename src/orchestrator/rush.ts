import { setTimeout as sleep } from "node:timers/promises";
import type { Stage } from "../core/outcome.ts";

/**
 * Taking tasks in goes first. Planning costs git processes, and each of them stops the whole
 * process for a few milliseconds: while tasks pour in, claims of a stage that can wait do so, each
 * for a second at most, so that work goes on however long it pours.
 */
export type Rush = {
  /** A task came in. */
  note(): void;
  /** The same stage, which begins when it is calm or its patience is over. */
  after(stage: Stage): Stage;
};

/** So many tasks within so short a time are a rush. */
const manyTasks = 16;
const windowMs = 100;
const patienceMs = 1_000;
const lookMs = 25;

export function watchRush(now: () => number = () => performance.now()): Rush {
  const lately: number[] = [];
  const isOn = () => lately.length === manyTasks && now() - (lately[0] ?? 0) < windowMs;
  return {
    note: () => {
      lately.push(now());
      if (lately.length > manyTasks) lately.shift();
    },
    after: (stage) => async (claim, signal) => {
      for (const since = now(); isOn() && now() - since < patienceMs; ) {
        await sleep(lookMs, undefined, { signal });
      }
      return stage(claim, signal);
    },
  };
}
