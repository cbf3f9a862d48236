import { type Hold, slot } from "../../core/task/hold.ts";
import type { StageName } from "../../core/task/outcome.ts";

/**
 * Retries of a stage before its failure becomes the subtask's or task's problem. Stages that depend
 * on another server outlast half an hour of downtime: finished work must not fail because a forge
 * was down at night. Of the others one that needed such a server counts the same
 * (a partial mirror's source).
 */
export const maxOutageFailures = 12;
export const maxStageFailures = {
  plan: maxOutageFailures,
  execute: 5,
  verify: 5,
  recover: 5,
  integrate: 5,
  deliver: maxOutageFailures,
} as const satisfies Record<StageName, number>;

/** How often the process running a stage may die before the stage itself counts as the cause. */
export const maxStageLosses = 10;

/** 2, 4, 8, … seconds, at most ten minutes. */
export function stageRetryAt(failures: number): Date {
  return new Date(Date.now() + Math.min(600_000, 1_000 * 2 ** failures));
}

export function waitForSlot(stage: StageName): Hold {
  return { kind: "dependency", on: [slot(stage)], reason: `waiting for a free slot: ${stage}` };
}
