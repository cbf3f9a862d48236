import type { StageName } from "./core/task/outcome.ts";
import { makeDeliverStage } from "./delivery/deliver-task.ts";
import { makeIntegrateStage } from "./delivery/integrate-subtask.ts";
import { makeExecuteStage } from "./executor/run-attempt.ts";
import type { StageRow } from "./orchestrator/runner/run-stages.ts";
import { makePlanStage } from "./planner/plan-stage.ts";
import { repairMirror, reportLostWork } from "./recovery/on-mirror.ts";
import { makeRecoverStage } from "./recovery/recover-subtask.ts";
import { makeVerifyStage } from "./verifier/checks/verify-stage.ts";
import { maxChecks, type StageDeps, wireStages } from "./wiring/wire-stages.ts";

/**
 * The story of a task as a table. A stage takes a claim and returns an Outcome; `advance` writes what
 * follows from it, and the runner wakes the next stage. No stage calls another. `slots` is how many
 * claims of a stage a process works on at once: stages that mostly wait for models have many. Planning
 * waits while tasks arrive in a rush.
 *
 *   plan       fetch the repository, resolve the base, inspect it; ask a planner where it may pay
 *   execute    one attempt: worktree, setup, agent, snapshot
 *   verify     the checks and experiments on the attempt's commit; then the review
 *   recover    classify what failed and decide what happens next
 *   integrate  merge into the task branch, after the gate
 *   deliver    branch, patch, receipt, pull request or comment
 *
 * A daemon runs all of them, a worker runs `execute` alone.
 */
export type StageTable = Partial<Record<StageName, StageRow>>;

export function makeStages(deps: StageDeps): Required<StageTable> {
  const wired = wireStages(deps);
  const { concurrency } = deps.config;
  // A stage that is run again on a repaired mirror finds out itself what it had done.
  const repairing = repairMirror(wired);
  return {
    plan: { slots: Math.max(32, concurrency), waitsInRush: true, run: makePlanStage(wired.plan) },
    execute: { slots: concurrency, run: reportLostWork(makeExecuteStage(wired.execute)) },
    verify: { slots: Math.max(16, concurrency), run: repairing(makeVerifyStage(wired.verify)) },
    recover: { slots: 8, run: repairing(makeRecoverStage(wired.recover)) },
    integrate: {
      slots: maxChecks(deps.config),
      run: repairing(makeIntegrateStage(wired.integrate)),
    },
    deliver: { slots: 4, run: repairing(makeDeliverStage(wired.deliver)) },
  };
}
