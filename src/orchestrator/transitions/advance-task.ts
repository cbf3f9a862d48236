import { invariant } from "../../core/base/invariant.ts";
import type { Claim, Outcome } from "../../core/task/outcome.ts";
import type { Plan } from "../../core/task/plan.ts";
import { maxProviderWaits } from "../../core/task/provider-wait.ts";
import type { Preparation, Subtask, Task } from "../../core/task/task.ts";
import type { Tx } from "../../store/database/schema.ts";
import { closePlanning } from "../../store/records/sessions.ts";
import { insertPlan } from "../../store/tasks/plans.ts";
import { appendEvent, moveTask, wakeStage } from "../../store/tasks/transition.ts";
import { proposePlan } from "../questions/ask-about-plan.ts";
import { askForBudget } from "../questions/budget-question.ts";
import { askForPlanner } from "../questions/planner-question.ts";
import { redoLost } from "../runner/redo-lost.ts";
import { waitEvent, waitFor } from "../runner/wait-for-space.ts";
import type { Announce } from "./announce.ts";
import { postpone, postponedEvent } from "./postpone.ts";
import { describeWork } from "./render-plan.ts";
import { maxStageFailures, maxStageLosses, stageRetryAt, waitForSlot } from "./stage-retry.ts";
import { planData, startPlan } from "./start-plan.ts";

const noSubtask = { subtaskId: null, attemptId: null };

/** Applies the reports of the plan and deliver stages to the task's state. */
export async function advanceTask(
  tx: Tx,
  announce: Announce,
  { task, subtasks }: { task: Task; subtasks: readonly Subtask[] },
  claim: Claim,
  outcome: Outcome,
): Promise<void> {
  switch (outcome.kind) {
    case "planned":
      await closePlanning(tx, task.id);
      return enterRunning(tx, announce, task, outcome.preparation, outcome.plan);
    case "refused":
      return fail(tx, announce, task, outcome.detail);
    case "unaffordable": {
      const hold = await askForBudget(tx, announce, task, noSubtask);
      await moveTask(tx, task, hold ? "waiting" : task.state, hold ?? waitForSlot("plan"));
      if (hold) return;
      return wakeStage(tx, "plan", task.id, null);
    }
    case "asked":
      return askForPlanner(tx, announce, task, outcome.question);
    case "delivered": {
      const completed = await moveTask(tx, task, "completed", null, {
        branch: outcome.branch,
        deliveredCommit: outcome.commit,
        deliveryUrl: outcome.url,
        endDetail: outcome.detail,
        stageFailures: 0,
      });
      await announce(tx, completed, {
        type: "task.completed",
        message: `Completed: ${outcome.detail}`,
        data: { branch: outcome.branch, commit: outcome.commit, url: outcome.url },
      });
      return;
    }
    case "parked":
      await appendEvent(tx, task.id, {
        type: "stage.parked",
        message: `Parked: ${outcome.detail}`,
        data: { stage: claim.stage },
      });
      await moveTask(tx, task, task.state, waitForSlot(claim.stage));
      await wakeStage(tx, claim.stage, task.id, null);
      return;
    case "lost": {
      const failures = task.stageFailures + 1;
      await appendEvent(tx, task.id, {
        type: "stage.lost",
        message: `${claim.stage} was lost: ${outcome.detail}`,
        data: { stage: claim.stage, failures },
      });
      if (failures >= maxStageLosses)
        return fail(tx, announce, task, `${claim.stage} was lost ${failures} times`);
      await moveTask(tx, task, task.state, waitForSlot(claim.stage), { stageFailures: failures });
      await wakeStage(tx, claim.stage, task.id, null);
      return;
    }
    case "postponed": {
      const postponed = task.postponed + 1;
      if (postponed > maxProviderWaits) return fail(tx, announce, task, outcome.detail);
      const { at, hold } = postpone(claim.stage, outcome, postponed);
      await appendEvent(tx, task.id, postponedEvent(claim.stage, outcome, at));
      await moveTask(tx, task, task.state, hold, { postponed });
      await wakeStage(tx, claim.stage, task.id, null, at);
      return;
    }
    case "work_lost":
      await redoLost(tx, announce, task, subtasks, outcome);
      return;
    case "unreadable":
    case "no_space": {
      const hold = waitFor(outcome);
      await appendEvent(tx, task.id, waitEvent(claim.stage, outcome));
      await moveTask(tx, task, task.state, hold);
      await wakeStage(tx, claim.stage, task.id, null, hold.at);
      return;
    }
    case "broken": {
      const failures = task.stageFailures + 1;
      await appendEvent(tx, task.id, {
        type: "stage.failed",
        message: `${claim.stage} could not do its work: ${outcome.detail}`,
        data: { stage: claim.stage, failures },
      });
      if (failures >= maxStageFailures[claim.stage]) {
        return fail(
          tx,
          announce,
          task,
          `${claim.stage} failed ${failures} times: ${outcome.detail}`,
        );
      }
      const at = stageRetryAt(failures);
      await moveTask(
        tx,
        task,
        task.state,
        { kind: "wake", at, reason: `${claim.stage} broke: ${outcome.detail.slice(0, 300)}` },
        { stageFailures: failures },
      );
      await wakeStage(tx, claim.stage, task.id, null, at);
      return;
    }
    case "subplanned":
    case "attempted":
    case "verified":
    case "decided":
    case "integrated":
    case "conflicted":
    case "gate_failed":
      invariant(false, `a task's stage cannot report ${outcome.kind}`);
  }
}

/** Records a planner's work; then the plan starts, or a person is asked. */
async function enterRunning(
  tx: Tx,
  announce: Announce,
  task: Task,
  preparation: Preparation,
  plan: Plan,
): Promise<void> {
  if (plan.planner) {
    await appendEvent(tx, task.id, {
      type: "plan.made",
      message: describeWork(plan, plan.planner),
      data: planData(plan),
    });
  }
  if (task.approval === "plan") return proposePlan(tx, announce, task, preparation, plan);
  if (plan.planner) {
    await insertPlan(tx, {
      taskId: task.id,
      subtaskId: null,
      state: "accepted",
      plan,
      reason: plan.planner.reason,
      diff: [],
      refused: [],
    });
  }
  return startPlan(tx, announce, task, preparation, plan);
}

async function fail(tx: Tx, announce: Announce, task: Task, detail: string): Promise<void> {
  await closePlanning(tx, task.id);
  const failed = await moveTask(tx, task, "failed", null, { endDetail: detail, stageFailures: 0 });
  await announce(tx, failed, {
    type: "task.failed",
    message: `Failed: ${detail}`,
    data: { detail },
  });
}
