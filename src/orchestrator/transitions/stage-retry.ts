import { type Hold, slot } from "../../core/task/hold.ts";
import type { StageName } from "../../core/task/outcome.ts";

/**
 * A stage that cannot do its work is tried this often before that becomes the subtask's or task's
 * problem. What needs somebody else's server waits out half an hour of its absence: finished work must
 * not fail because a forge was away at night.
 */
export const maxStageFailures = {
  plan: 12,
  execute: 5,
  verify: 5,
  recover: 5,
  integrate: 5,
  deliver: 12,
} as const satisfies Record<StageName, number>;

/** So often may the process that runs a stage die in it, before the stage itself is suspected. */
export const maxStageLosses = 10;

/** 2, 4, 8, … seconds, at most ten minutes. */
export function stageRetryAt(failures: number): Date {
  return new Date(Date.now() + Math.min(600_000, 1_000 * 2 ** failures));
}

export function waitForSlot(stage: StageName): Hold {
  return { kind: "dependency", on: [slot(stage)], reason: `waiting for a free slot: ${stage}` };
}
