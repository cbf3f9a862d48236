import { invariant } from "../../core/base/invariant.ts";
import type { SubtaskChange, TaskLedger, Transact } from "../../core/ledger/task-ledger.ts";
import { isProven, sayVerdict } from "../../core/proof/proof-words.ts";
import type { Claim, Outcome } from "../../core/task/outcome.ts";
import { maxProviderWaits } from "../../core/task/provider-wait.ts";
import type { Ending, Subtask, Task } from "../../core/task/task.ts";
import type { Db } from "../../store/database/schema.ts";
import { makeTransact } from "../../store/tasks/ledger.ts";
import { askForBudget } from "../questions/budget-question.ts";
import { redoLost } from "../runner/redo-lost.ts";
import { waitEvent, waitFor } from "../runner/wait-for-space.ts";
import { advanceTask } from "./advance-task.ts";
import { type Announce, makeAnnounce, type NotificationRows } from "./announce.ts";
import { applyDecision } from "./apply-decision.ts";
import { replaceByPlan, reviseAfter } from "./apply-revision.ts";
import { type Attempted, doneAttempt, endAttempt, endingOf, lostAttempt } from "./end-attempt.ts";
import { noteLate } from "./late-work.ts";
import { postpone, postponedEvent } from "./postpone.ts";
import { describeWork } from "./render-plan.ts";
import { settle } from "./settle.ts";
import {
  maxOutageFailures,
  maxStageFailures,
  maxStageLosses,
  stageRetryAt,
  waitForSlot,
} from "./stage-retry.ts";
import { takeBack } from "./take-back.ts";

/**
 * The one function that turns a stage's report into state: state, events, questions, notifications
 * and follow-up jobs in one transaction, or none of it. A report whose epoch or owner no longer
 * matches the row comes from a process that was given up for dead: it changes nothing. A finished
 * attempt is on its own row by then, and may still be used (late-work.ts).
 */
export type AdvanceDeps = { transact: Transact; announce: Announce };
export type Advanced = "applied" | "stale";

/** Transitions on this database, and the notifications that their events cause. */
export function makeAdvanceDeps(db: Db, notificationRows: NotificationRows): AdvanceDeps {
  return { transact: makeTransact(db), announce: makeAnnounce(notificationRows) };
}

export async function advance(
  { transact, announce }: AdvanceDeps,
  owner: string,
  claim: Claim,
  outcome: Outcome,
): Promise<Advanced> {
  return transact(async (ledger) => {
    const locked = await ledger.lockTask(claim.taskId);
    return locked ? applyReport(ledger, announce, locked, owner, claim, outcome) : "stale";
  });
}

/** Applies a report to its task, whose row is locked. */
export async function applyReport(
  ledger: TaskLedger,
  announce: Announce,
  locked: { task: Task; subtasks: Subtask[] },
  owner: string,
  claim: Claim,
  outcome: Outcome,
): Promise<Advanced> {
  const { task, subtasks } = locked;
  const row = claim.subtaskId ? subtasks.find(({ id }) => id === claim.subtaskId) : task;
  if (row?.epoch !== claim.epoch || row.hold?.kind !== "lease" || row.hold.owner !== owner) {
    if (claim.stage === "execute") await noteLate(ledger, announce, locked, claim);
    return "stale";
  }
  if (claim.subtaskId) {
    await advanceSubtask(ledger, announce, locked, row as Subtask, claim, outcome);
    // However it ended, the next subtask in the merge queue was waiting for it.
    if (claim.stage === "integrate") await ledger.wakeStage("integrate", task.id, null);
  } else {
    await advanceTask(ledger, announce, locked, claim, outcome);
  }
  if (!isOnItsWay(task, outcome)) await settle(ledger, claim.taskId, announce);
  return "applied";
}

/** Whether a subtask of a running task just moves to its next stage, which affects nothing else. */
function isOnItsWay(task: Task, outcome: Outcome): boolean {
  const isNext =
    (outcome.kind === "attempted" && outcome.reason === "done") ||
    (outcome.kind === "verified" && outcome.verdict.result === "pass");
  return isNext && task.state === "running" && !task.cancelRequestedAt && !task.pausedAt;
}

async function advanceSubtask(
  ledger: TaskLedger,
  announce: Announce,
  { task, subtasks }: { task: Task; subtasks: Subtask[] },
  subtask: Subtask,
  claim: Claim,
  outcome: Outcome,
): Promise<void> {
  const about = { subtaskId: subtask.id, attemptId: claim.attemptId };
  const enter = async (to: "verifying" | "integrating" | "recovering", set: SubtaskChange = {}) => {
    const stage = (
      { verifying: "verify", integrating: "integrate", recovering: "recover" } as const
    )[to];
    await ledger.moveSubtask(subtask, to, waitForSlot(stage), { stageFailures: 0, ...set });
    await ledger.wakeStage(stage, task.id, subtask.id);
  };
  const recover = async (ending: Ending, set: SubtaskChange = {}) => {
    await enter("recovering", { ending, ...set });
  };
  const finish = async (attempt: Attempted) => {
    await endAttempt(ledger, task, subtask, claim, attempt);
    if (attempt.reason !== "done") return recover(endingOf(attempt));
    return enter("verifying", { commit: attempt.commit, verdict: null, gateVerdict: null });
  };
  /** The stage used up its retries: recovery decides, unless recovery itself broke. */
  const breakStage = async (detail: string) => {
    if (claim.stage !== "recover") return recover({ what: "broken", stage: claim.stage, detail });
    await ledger.moveSubtask(subtask, "failed", null, { endDetail: detail });
    await announce(ledger, task, {
      ...about,
      type: "subtask.failed",
      message: `"${subtask.title}" failed: ${detail}`,
      data: { key: subtask.key },
    });
  };
  switch (outcome.kind) {
    case "attempted":
      return finish(outcome);
    case "subplanned": {
      const { plan } = outcome;
      const detail = plan.planner ? describeWork(plan, plan.planner) : "planned";
      const done = { ...lostAttempt(detail), reason: "done", failure: null } as const;
      await endAttempt(ledger, task, subtask, claim, done);
      return replaceByPlan(ledger, announce, task, subtasks, subtask, plan);
    }
    case "verified": {
      const { commit, verdict } = outcome;
      await ledger.setOnAttempt(claim.attemptId, { verdict });
      await ledger.appendEvent(task.id, {
        ...about,
        type: "verdict.reached",
        message: sayVerdict(verdict, task.expectsChange),
        data: { result: verdict.result, summary: verdict.summary, key: subtask.key },
      });
      const verified = { verdict, ...(commit && { commit }) };
      if (verdict.result === "pass") return enter("integrating", verified);
      return recover({ what: "verdict", stage: "verify" }, verified);
    }
    case "integrated": {
      const { verdict } = outcome;
      if (verdict) await ledger.setOnAttempt(claim.attemptId, { gateVerdict: verdict });
      await ledger.moveSubtask(subtask, "completed", null, {
        integratedCommit: outcome.commit,
        gateVerdict: verdict,
        feedback: null,
        stageFailures: 0,
      });
      await ledger.moveTask(task, task.state, task.hold, { headCommit: outcome.commit });
      await announce(ledger, task, {
        ...about,
        type: "subtask.completed",
        message: subtask.verdict?.unchanged
          ? `"${subtask.title}" had nothing to do`
          : task.expectsChange
            ? `"${subtask.title}" is ${isProven(verdict ?? subtask.verdict) ? "verified and " : ""}merged into the task branch`
            : `"${subtask.title}" is done`,
        data: { key: subtask.key, commit: outcome.commit },
      });
      const attempt = claim.attemptId ? await ledger.getAttempt(claim.attemptId) : null;
      if (attempt) await ledger.finishMessages(subtask.id, attempt.id);
      if (attempt) await reviseAfter(ledger, task, subtasks, subtask, attempt);
      return;
    }
    case "conflicted":
      return recover({ what: "conflict", files: outcome.files, detail: outcome.detail });
    case "gate_failed":
      await ledger.setOnAttempt(claim.attemptId, { gateVerdict: outcome.verdict });
      return recover({ what: "verdict", stage: "integrate" }, { gateVerdict: outcome.verdict });
    case "blamed":
      // The merge itself, or the verification, is tried again, on the tip without the culprit.
      await takeBack(ledger, announce, task, subtasks, outcome);
      await ledger.moveSubtask(subtask, subtask.state, waitForSlot(claim.stage));
      await ledger.wakeStage(claim.stage, task.id, subtask.id);
      return;
    case "moved": {
      const { commit, detail, to } = outcome;
      const redone = findRedone(subtask, subtasks);
      if (redone) {
        const why = `"${redone.title}", which it builds on, was taken back meanwhile`;
        return recover({ what: "conflict", files: [], detail: why });
      }
      await ledger.appendEvent(task.id, {
        ...about,
        type: "subtask.moved",
        message: `The work on "${subtask.title}" goes on from the tip of the task branch: ${detail}`,
        data: { key: subtask.key, from: subtask.baseCommit, to, commit },
      });
      const set = { baseCommit: to, commit, verdict: null };
      await ledger.moveSubtask(subtask, subtask.state, waitForSlot(claim.stage), set);
      await ledger.wakeStage(claim.stage, task.id, subtask.id);
      return;
    }
    case "decided":
      return applyDecision(ledger, announce, task, subtask, claim, outcome);
    case "parked": {
      await ledger.appendEvent(task.id, {
        ...about,
        type: "stage.parked",
        message: `Parked: ${outcome.detail}`,
        data: { stage: claim.stage },
      });
      if (claim.stage === "execute") {
        const { detail, snapshotRef } = outcome;
        const attempt = { ...lostAttempt(detail), failure: "parked", snapshotRef } as const;
        await endAttempt(ledger, task, subtask, claim, attempt);
        return recover(endingOf(attempt));
      }
      await ledger.moveSubtask(subtask, subtask.state, waitForSlot(claim.stage));
      await ledger.wakeStage(claim.stage, task.id, subtask.id);
      return;
    }
    case "lost": {
      if (claim.stage === "execute") {
        // It may have died between its report and this.
        const report = claim.attemptId && (await ledger.getAttempt(claim.attemptId))?.report;
        return finish(report ? doneAttempt(report) : lostAttempt(outcome.detail));
      }
      const failures = subtask.stageFailures + 1;
      await ledger.appendEvent(task.id, {
        ...about,
        type: "stage.lost",
        message: `${claim.stage} was lost: ${outcome.detail}`,
        data: { stage: claim.stage, failures },
      });
      if (failures >= maxStageLosses) return breakStage(`lost ${failures} times`);
      await ledger.moveSubtask(subtask, subtask.state, waitForSlot(claim.stage), {
        stageFailures: failures,
      });
      await ledger.wakeStage(claim.stage, task.id, subtask.id);
      return;
    }
    case "work_lost": {
      const attempt = { ...lostAttempt(outcome.detail), failure: "work_lost" } as const;
      if (claim.stage === "execute") await endAttempt(ledger, task, subtask, claim, attempt);
      await recover(endingOf(attempt));
      await redoLost(ledger, announce, task, subtasks, outcome);
      return;
    }
    case "unreadable":
    case "no_space": {
      if (claim.stage === "execute") {
        const attempt = {
          ...lostAttempt(outcome.detail),
          reason: "crashed",
          failure: outcome.kind,
        } as const;
        await endAttempt(ledger, task, subtask, claim, attempt);
        return recover(endingOf(attempt));
      }
      const hold = waitFor(outcome);
      await ledger.appendEvent(task.id, { ...about, ...waitEvent(claim.stage, outcome) });
      await ledger.moveSubtask(subtask, subtask.state, hold);
      await ledger.wakeStage(claim.stage, task.id, subtask.id, hold.at);
      return;
    }
    case "broken": {
      await ledger.appendEvent(task.id, {
        ...about,
        type: "stage.failed",
        message: `${claim.stage} could not do its work: ${outcome.detail}`,
        data: { stage: claim.stage, failures: subtask.stageFailures + 1 },
      });
      if (claim.stage === "execute") {
        const attempt = {
          ...lostAttempt(outcome.detail),
          reason: "crashed",
          failure: "infrastructure",
        } as const;
        await endAttempt(ledger, task, subtask, claim, attempt);
        return recover(endingOf(attempt));
      }
      const max = outcome.isOutage ? maxOutageFailures : maxStageFailures[claim.stage];
      if (subtask.stageFailures + 1 < max) {
        return retryStage(ledger, task, subtask, claim, subtask.stageFailures + 1, outcome.detail);
      }
      return breakStage(outcome.detail);
    }
    case "postponed": {
      const postponed = subtask.postponed + 1;
      if (postponed > maxProviderWaits) return breakStage(outcome.detail);
      const { at, hold } = postpone(claim.stage, outcome, postponed);
      const event = postponedEvent(claim.stage, outcome, at);
      await ledger.appendEvent(task.id, { ...about, ...event });
      await ledger.moveSubtask(subtask, subtask.state, hold, { postponed });
      await ledger.wakeStage(claim.stage, task.id, subtask.id, at);
      return;
    }
    case "unaffordable": {
      const hold = await askForBudget(ledger, announce, task, about);
      const ending = { what: "unaffordable", stage: "verify", detail: outcome.detail } as const;
      await ledger.moveSubtask(
        subtask,
        hold ? "waiting" : "verifying",
        hold ?? waitForSlot("verify"),
        {
          ending: ending satisfies Ending,
        },
      );
      if (!hold) await ledger.wakeStage("verify", task.id, subtask.id);
      return;
    }
    case "planned":
    case "refused":
    case "asked":
    case "delivered":
    case "outdated":
      invariant(false, `a subtask's stage cannot report ${outcome.kind}`);
  }
}

/** A dependency that is done again: it was taken back since the subtask started. */
function findRedone({ dependsOn }: Subtask, subtasks: readonly Subtask[]): Subtask | undefined {
  return subtasks.find(
    ({ key, state }) => dependsOn.includes(key) && state !== "completed" && state !== "superseded",
  );
}

/** The stage itself broke (disk, git, network): it is retried with growing delays. */
async function retryStage(
  ledger: TaskLedger,
  task: Task,
  subtask: Subtask,
  claim: Claim,
  failures: number,
  detail: string,
): Promise<void> {
  const at = stageRetryAt(failures);
  await ledger.moveSubtask(
    subtask,
    subtask.state,
    { kind: "wake", at, reason: `${claim.stage} broke: ${detail.slice(0, 300)}` },
    { stageFailures: failures },
  );
  await ledger.wakeStage(claim.stage, task.id, subtask.id, at);
}
