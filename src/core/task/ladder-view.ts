import type { Fallback, Rung } from "./failure.ts";
import type { SubtaskState } from "./lifecycle.ts";

/** Where the work of a task stands on recovery's ladder, for people. */
export type LadderView = { id: string; subtasks: readonly SubtaskLadder[] };

export type SubtaskLadder = {
  key: string;
  state: SubtaskState;
  /** Failed attempts that count, and how many may. */
  counted: number;
  limit: number;
  /** The rung of the attempt in progress, or of the last one; null: none failed so far. */
  on: Rung | null;
  /** From the first to the last. */
  rungs: readonly LadderRung[];
  /** What comes if the attempt fails in the same way as the last one; null: it is over, or waits for help. */
  next: { rung: Rung; reason: string } | null;
  /**
   * The attempt that finished after it was given up, and whose work is verified before another one is
   * made; null: there is none.
   */
  late: number | null;
};

export type LadderRung = {
  rung: Rung;
  /** Who takes over, with the rung `fallback`. */
  fallback: Fallback | null;
  /** The attempts that took it, with the decision's words. */
  used: readonly { attempt: number; reason: string }[];
};
