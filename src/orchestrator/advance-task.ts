import { newId } from "../core/id.ts";
import { invariant } from "../core/invariant.ts";
import type { Claim, Outcome } from "../core/outcome.ts";
import type { Plan } from "../core/plan.ts";
import type { Preparation, Task } from "../core/task.ts";
import { acceptanceCheck } from "../core/verdict.ts";
import { json } from "../store/open.ts";
import type { Tx } from "../store/schema.ts";
import { appendEvent, insertSubtask, moveTask, ringStage } from "../store/transition.ts";
import type { Announce } from "./announce.ts";
import { describeOpen } from "./settle.ts";
import { maxStageFailures, maxStageLosses, stageRetryAt, waitForSlot } from "./stage-retry.ts";

/** What the plan and deliver stages report becomes the task's state. */
export async function advanceTask(
  tx: Tx,
  announce: Announce,
  task: Task,
  claim: Claim,
  outcome: Outcome,
): Promise<void> {
  switch (outcome.kind) {
    case "planned":
      return enterRunning(tx, announce, task, outcome);
    case "refused":
      return fail(tx, announce, task, outcome.detail);
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
      await ringStage(tx, claim.stage, task.id, null);
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
      await ringStage(tx, claim.stage, task.id, null);
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
      await ringStage(tx, claim.stage, task.id, null, at);
      return;
    }
    case "attempted":
    case "verified":
    case "decided":
    case "integrated":
    case "conflicted":
    case "gate_failed":
      invariant(false, `a task's stage cannot report ${outcome.kind}`);
  }
}

async function enterRunning(
  tx: Tx,
  announce: Announce,
  task: Task,
  { preparation, plan }: Extract<Outcome, { kind: "planned" }>,
): Promise<void> {
  const ids = plan.subtasks.map(() => newId("subtask"));
  for (const [position, subtask] of plan.subtasks.entries()) {
    const id = ids[position];
    invariant(id, "one id per subtask");
    await insertSubtask(tx, {
      id,
      taskId: task.id,
      key: subtask.key,
      position,
      title: subtask.title,
      brief: subtask.brief,
      dependsOn: subtask.dependsOn,
      writes: subtask.writes,
      agent: subtask.agent,
      checks: subtask.checks.map((command) => acceptanceCheck(command, "plan")),
    });
  }
  await moveTask(
    tx,
    task,
    "running",
    {
      kind: "dependency",
      on: ids,
      reason: describeOpen(ids.length, ids.length),
    },
    {
      preparation: json(preparation),
      headCommit: preparation.baseCommit,
      delivery: task.delivery === "auto" ? (preparation.delivery ?? "branch") : task.delivery,
      stageFailures: 0,
    },
  );
  await announce(tx, task, {
    type: "task.planned",
    message: describePlan(task, preparation, plan),
    data: {
      mode: plan.mode,
      base_commit: preparation.baseCommit,
      base_ref: preparation.baseRef,
      subtasks: plan.subtasks.map(({ key, title, dependsOn }) => ({
        key,
        title,
        depends_on: dependsOn,
      })),
      checks: preparation.checks.map(({ command, kind, source }) => ({ command, kind, source })),
      setup: preparation.setup,
    },
  });
}

function describePlan(
  task: Task,
  { baseCommit, baseRef, checks }: Preparation,
  plan: Plan,
): string {
  if (!task.expectsChange) return `Plan: read ${baseCommit.slice(0, 10)}, run nothing of it`;
  const shape = plan.mode === "direct" ? "direct, one subtask" : `${plan.subtasks.length} subtasks`;
  const judges = checks.map(({ command, source }) => `\`${command}\` (${source})`).join(", ");
  return `Plan: ${shape}, from ${baseRef} at ${baseCommit.slice(0, 10)}; checks: ${judges || "none, so nothing will be verified"}`;
}

async function fail(tx: Tx, announce: Announce, task: Task, detail: string): Promise<void> {
  const failed = await moveTask(tx, task, "failed", null, { endDetail: detail, stageFailures: 0 });
  await announce(tx, failed, {
    type: "task.failed",
    message: `Failed: ${detail}`,
    data: { detail },
  });
}
