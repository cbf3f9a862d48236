import { type Hold, slot } from "../core/hold.ts";
import type { StageName } from "../core/outcome.ts";

/** A stage that cannot do its work is tried this often before that becomes the subtask's problem. */
export const maxStageFailures = 5;

/** So often may the process that runs a stage die in it, before the stage itself is suspected. */
export const maxStageLosses = 10;

/** 2, 4, 8, … seconds, at most a minute. */
export function stageRetryAt(failures: number): Date {
  return new Date(Date.now() + Math.min(60_000, 1_000 * 2 ** failures));
}

export function waitForSlot(stage: StageName): Hold {
  return { kind: "dependency", on: [slot(stage)], reason: `waiting for a free slot: ${stage}` };
}
