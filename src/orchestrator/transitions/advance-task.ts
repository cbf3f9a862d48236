import { invariant } from "../../core/base/invariant.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { Claim, Outcome } from "../../core/task/outcome.ts";
import { maxProviderWaits } from "../../core/task/provider-wait.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { askAboutWhole } from "../questions/answer-stuck.ts";
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
import { takeBack } from "./take-back.ts";

const noSubtask = { subtaskId: null, attemptId: null };

/** Applies the reports of the plan and deliver stages to the task's state. */
export async function advanceTask(
  ledger: TaskLedger,
  announce: Announce,
  { task, subtasks }: { task: Task; subtasks: readonly Subtask[] },
  claim: Claim,
  outcome: Outcome,
): Promise<void> {
  switch (outcome.kind) {
    case "planned":
      await ledger.closePlanning(task.id);
      return enterRunning(ledger, announce, task, outcome);
    case "refused":
      // What planning refuses is for its caller to mend; finished work is not let go of.
      if (claim.stage === "deliver") return askOrFail(ledger, announce, task, outcome.detail);
      return fail(ledger, announce, task, outcome.detail);
    case "unaffordable": {
      const hold = await askForBudget(ledger, announce, task, noSubtask);
      await ledger.moveTask(task, hold ? "waiting" : task.state, hold ?? waitForSlot("plan"));
      if (hold) return;
      return ledger.wakeStage("plan", task.id, null);
    }
    case "asked":
      return askForPlanner(ledger, announce, task, outcome.question, outcome.choices);
    case "delivered": {
      const completed = await ledger.moveTask(task, "completed", null, {
        branch: outcome.branch,
        deliveredCommit: outcome.commit,
        deliveryUrl: outcome.url,
        endDetail: outcome.detail,
        gateVerdict: outcome.gateVerdict ?? null,
        stageFailures: 0,
      });
      const event = {
        type: "task.completed",
        message: `Completed: ${outcome.detail}`,
        data: { branch: outcome.branch, commit: outcome.commit, url: outcome.url },
      } as const;
      // Work that was only brought up to date waits for the decision that it waited for before.
      const isKnown =
        task.headCommit !== null && task.headCommit === task.preparation?.update?.head;
      if (isKnown) await ledger.appendEvent(task.id, event);
      else await announce(ledger, completed, event);
      return;
    }
    case "blamed":
      if (await takeBack(ledger, announce, task, subtasks, outcome)) return;
      await ledger.moveTask(task, task.state, waitForSlot("deliver"));
      return ledger.wakeStage("deliver", task.id, null);
    case "outdated": {
      const { place, subtaskId, text } = outcome;
      const said = { place, text, voice: "base", idempotency: null } as const;
      await ledger.insertMessage({ taskId: task.id, subtaskId, ...said });
      const on = { kind: "dependency", on: [subtaskId], reason: `${place} has moved` } as const;
      await ledger.moveTask(task, "running", on, { stageFailures: 0 });
      await ledger.appendEvent(task.id, {
        type: "task.updated",
        message: `With ${place} as it is now the checks do not pass: the work goes on`,
        data: { ref: place },
        subtaskId,
      });
      return;
    }
    case "parked":
      await ledger.appendEvent(task.id, {
        type: "stage.parked",
        message: `Parked: ${outcome.detail}`,
        data: { stage: claim.stage },
      });
      await ledger.moveTask(task, task.state, waitForSlot(claim.stage));
      await ledger.wakeStage(claim.stage, task.id, null);
      return;
    case "lost": {
      const failures = task.stageFailures + 1;
      await ledger.appendEvent(task.id, {
        type: "stage.lost",
        message: `${claim.stage} was lost: ${outcome.detail}`,
        data: { stage: claim.stage, failures },
      });
      if (failures >= maxStageLosses)
        return askOrFail(ledger, announce, task, `${claim.stage} was lost ${failures} times`);
      await ledger.moveTask(task, task.state, waitForSlot(claim.stage), {
        stageFailures: failures,
      });
      await ledger.wakeStage(claim.stage, task.id, null);
      return;
    }
    case "postponed": {
      const postponed = task.postponed + 1;
      if (postponed > maxProviderWaits) return askOrFail(ledger, announce, task, outcome.detail);
      const { at, hold } = postpone(claim.stage, outcome, postponed);
      await ledger.appendEvent(task.id, postponedEvent(claim.stage, outcome, at));
      await ledger.moveTask(task, task.state, hold, { postponed });
      await ledger.wakeStage(claim.stage, task.id, null, at);
      return;
    }
    case "work_lost":
      await redoLost(ledger, announce, task, subtasks, outcome);
      return;
    case "unreadable":
    case "no_space": {
      const hold = waitFor(outcome);
      await ledger.appendEvent(task.id, waitEvent(claim.stage, outcome));
      await ledger.moveTask(task, task.state, hold);
      await ledger.wakeStage(claim.stage, task.id, null, hold.at);
      return;
    }
    case "broken": {
      const failures = task.stageFailures + 1;
      await ledger.appendEvent(task.id, {
        type: "stage.failed",
        message: `${claim.stage} could not do its work: ${outcome.detail}`,
        data: { stage: claim.stage, failures },
      });
      if (failures >= maxStageFailures[claim.stage]) {
        const detail = `${claim.stage} failed ${failures} times: ${outcome.detail}`;
        return askOrFail(ledger, announce, task, detail);
      }
      const at = stageRetryAt(failures);
      await ledger.moveTask(
        task,
        task.state,
        { kind: "wake", at, reason: `${claim.stage} broke: ${outcome.detail.slice(0, 300)}` },
        { stageFailures: failures },
      );
      await ledger.wakeStage(claim.stage, task.id, null, at);
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
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  { plan, preparation, prepared }: Extract<Outcome, { kind: "planned" }>,
): Promise<void> {
  if (plan.planner) {
    await ledger.appendEvent(task.id, {
      type: "plan.made",
      message: describeWork(plan, plan.planner),
      data: planData(plan),
    });
  }
  if (task.approval === "plan") return proposePlan(ledger, announce, task, preparation, plan);
  if (plan.planner) {
    await ledger.insertPlan({
      taskId: task.id,
      subtaskId: null,
      state: "accepted",
      plan,
      reason: plan.planner.reason,
      diff: [],
      refused: [],
    });
  }
  return startPlan(ledger, announce, task, preparation, plan, prepared);
}

/** A stage of the whole task has come to its end: a person mends what is in its way, or it fails. */
async function askOrFail(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  detail: string,
): Promise<void> {
  if (task.whenStuck === "ask") return askAboutWhole(ledger, announce, task, detail);
  const isDone = task.state === "delivering";
  return fail(ledger, announce, task, isDone ? `${detail} Then: deputy retry ${task.id}` : detail);
}

async function fail(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  detail: string,
): Promise<void> {
  await ledger.closePlanning(task.id);
  const failed = await ledger.moveTask(task, "failed", null, {
    endDetail: detail,
    stageFailures: 0,
  });
  await announce(ledger, failed, {
    type: "task.failed",
    message: `Failed: ${detail}`,
    data: { detail },
  });
}
