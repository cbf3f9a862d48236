import { newId } from "../../core/base/id.ts";
import { invariant } from "../../core/base/invariant.ts";
import { isProven, sayVerdict } from "../../core/proof/proof-words.ts";
import { type FailureKind, goesOn } from "../../core/task/failure.ts";
import type { Hold } from "../../core/task/hold.ts";
import type { Claim, Outcome } from "../../core/task/outcome.ts";
import { maxProviderWaits } from "../../core/task/provider-wait.ts";
import type { Ending, QuestionKind, Subtask, Task } from "../../core/task/task.ts";
import { json } from "../../store/database/open.ts";
import type { Db, Tx } from "../../store/database/schema.ts";
import { finishMessages } from "../../store/records/messages.ts";
import { setOnAttempt } from "../../store/tasks/attempts.ts";
import { insertQuestion } from "../../store/tasks/questions.ts";
import { getAttempt } from "../../store/tasks/tasks.ts";
import {
  appendEvent,
  inTransition,
  lockTask,
  moveSubtask,
  moveTask,
  type SubtaskFields,
  wakeStage,
} from "../../store/tasks/transition.ts";
import { askForBudget } from "../questions/budget-question.ts";
import { redoLost } from "../runner/redo-lost.ts";
import { waitEvent, waitFor } from "../runner/wait-for-space.ts";
import { advanceTask } from "./advance-task.ts";
import type { Announce } from "./announce.ts";
import { replaceByPlan, reviseAfter } from "./apply-revision.ts";
import { endAttempt, endingOf, lostAttempt } from "./end-attempt.ts";
import { postpone, postponedEvent } from "./postpone.ts";
import { describeWork } from "./render-plan.ts";
import { settle } from "./settle.ts";
import { maxStageFailures, maxStageLosses, stageRetryAt, waitForSlot } from "./stage-retry.ts";

/**
 * The one function that turns a stage's report into state: state, events, questions, notifications
 * and follow-up jobs in one transaction, or none of it. A report whose epoch or owner no longer
 * matches the row comes from a process that was given up for dead: it changes nothing.
 */
export type AdvanceDeps = { db: Db; announce: Announce };
export type Advanced = "applied" | "stale";

export async function advance(
  { db, announce }: AdvanceDeps,
  owner: string,
  claim: Claim,
  outcome: Outcome,
): Promise<Advanced> {
  return inTransition(db, async (tx) => {
    const locked = await lockTask(tx, claim.taskId);
    return locked ? applyReport(tx, announce, locked, owner, claim, outcome) : "stale";
  });
}

/** Applies a report to its task, whose row is locked. */
export async function applyReport(
  tx: Tx,
  announce: Announce,
  locked: { task: Task; subtasks: Subtask[] },
  owner: string,
  claim: Claim,
  outcome: Outcome,
): Promise<Advanced> {
  const { task, subtasks } = locked;
  const row = claim.subtaskId ? subtasks.find(({ id }) => id === claim.subtaskId) : task;
  if (row?.epoch !== claim.epoch || row.hold?.kind !== "lease" || row.hold.owner !== owner)
    return "stale";
  if (claim.subtaskId) {
    await advanceSubtask(tx, announce, locked, row as Subtask, claim, outcome);
  } else {
    await advanceTask(tx, announce, locked, claim, outcome);
  }
  if (!isOnItsWay(task, outcome)) await settle(tx, claim.taskId, announce);
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
  tx: Tx,
  announce: Announce,
  { task, subtasks }: { task: Task; subtasks: Subtask[] },
  subtask: Subtask,
  claim: Claim,
  outcome: Outcome,
): Promise<void> {
  const about = { subtaskId: subtask.id, attemptId: claim.attemptId };
  const enter = async (to: "verifying" | "integrating" | "recovering", set: SubtaskFields = {}) => {
    const stage = (
      { verifying: "verify", integrating: "integrate", recovering: "recover" } as const
    )[to];
    await moveSubtask(tx, subtask, to, waitForSlot(stage), { stageFailures: 0, ...set });
    await wakeStage(tx, stage, task.id, subtask.id);
  };
  const recover = async (ending: Ending, set: SubtaskFields = {}) => {
    await enter("recovering", { ending: json(ending), ...set });
  };
  /** The stage used up its retries: recovery decides, unless recovery itself broke. */
  const breakStage = async (detail: string) => {
    if (claim.stage !== "recover") return recover({ what: "broken", stage: claim.stage, detail });
    await moveSubtask(tx, subtask, "failed", null, { endDetail: detail });
    await announce(tx, task, {
      ...about,
      type: "subtask.failed",
      message: `"${subtask.title}" failed: ${detail}`,
      data: { key: subtask.key },
    });
  };
  switch (outcome.kind) {
    case "attempted":
      await endAttempt(tx, task, subtask, claim, outcome);
      if (outcome.reason === "done")
        return enter("verifying", { commit: outcome.commit, verdict: null, gateVerdict: null });
      return recover(endingOf(outcome));
    case "subplanned": {
      const { plan } = outcome;
      const detail = plan.planner ? describeWork(plan, plan.planner) : "planned";
      const done = { ...lostAttempt(detail), reason: "done", failure: null } as const;
      await endAttempt(tx, task, subtask, claim, done);
      return replaceByPlan(tx, task, subtasks, subtask, plan);
    }
    case "verified": {
      const { commit, verdict } = outcome;
      await setOnAttempt(tx, claim.attemptId, { verdict });
      await appendEvent(tx, task.id, {
        ...about,
        type: "verdict.reached",
        message: sayVerdict(verdict, task.expectsChange),
        data: { result: verdict.result, summary: verdict.summary, key: subtask.key },
      });
      const verified = { verdict: json(verdict), ...(commit && { commit }) };
      if (verdict.result === "pass") return enter("integrating", verified);
      return recover({ what: "verdict", stage: "verify" }, verified);
    }
    case "integrated": {
      const { verdict } = outcome;
      if (verdict) await setOnAttempt(tx, claim.attemptId, { gateVerdict: verdict });
      await moveSubtask(tx, subtask, "completed", null, {
        integratedCommit: outcome.commit,
        gateVerdict: verdict && json(verdict),
        feedback: null,
        stageFailures: 0,
      });
      await moveTask(tx, task, task.state, task.hold, { headCommit: outcome.commit });
      await announce(tx, task, {
        ...about,
        type: "subtask.completed",
        message: task.expectsChange
          ? `"${subtask.title}" is ${isProven(verdict ?? subtask.verdict) ? "verified and " : ""}merged into the task branch`
          : `"${subtask.title}" is done`,
        data: { key: subtask.key, commit: outcome.commit },
      });
      const attempt = claim.attemptId ? await getAttempt(tx, claim.attemptId) : null;
      if (attempt) await finishMessages(tx, subtask.id, attempt.id);
      if (attempt) await reviseAfter(tx, task, subtasks, subtask, attempt);
      // The next subtask in the merge queue was waiting for this one.
      await wakeStage(tx, "integrate", task.id, null);
      return;
    }
    case "conflicted":
      await wakeStage(tx, "integrate", task.id, null);
      return recover({ what: "conflict", files: outcome.files, detail: outcome.detail });
    case "gate_failed":
      await setOnAttempt(tx, claim.attemptId, { gateVerdict: outcome.verdict });
      await wakeStage(tx, "integrate", task.id, null);
      return recover(
        { what: "verdict", stage: "integrate" },
        { gateVerdict: json(outcome.verdict) },
      );
    case "decided":
      return applyDecision(tx, announce, task, subtask, claim, outcome);
    case "parked": {
      await appendEvent(tx, task.id, {
        ...about,
        type: "stage.parked",
        message: `Parked: ${outcome.detail}`,
        data: { stage: claim.stage },
      });
      if (claim.stage === "execute") {
        const { detail, snapshotRef } = outcome;
        const attempt = { ...lostAttempt(detail), failure: "parked", snapshotRef } as const;
        await endAttempt(tx, task, subtask, claim, attempt);
        return recover(endingOf(attempt));
      }
      await moveSubtask(tx, subtask, subtask.state, waitForSlot(claim.stage));
      await wakeStage(tx, claim.stage, task.id, subtask.id);
      return;
    }
    case "lost": {
      if (claim.stage === "execute") {
        const attempt = lostAttempt(outcome.detail);
        await endAttempt(tx, task, subtask, claim, attempt);
        return recover(endingOf(attempt));
      }
      const failures = subtask.stageFailures + 1;
      await appendEvent(tx, task.id, {
        ...about,
        type: "stage.lost",
        message: `${claim.stage} was lost: ${outcome.detail}`,
        data: { stage: claim.stage, failures },
      });
      if (failures >= maxStageLosses) return breakStage(`lost ${failures} times`);
      await moveSubtask(tx, subtask, subtask.state, waitForSlot(claim.stage), {
        stageFailures: failures,
      });
      await wakeStage(tx, claim.stage, task.id, subtask.id);
      return;
    }
    case "work_lost": {
      const attempt = { ...lostAttempt(outcome.detail), failure: "work_lost" } as const;
      if (claim.stage === "execute") await endAttempt(tx, task, subtask, claim, attempt);
      await recover(endingOf(attempt));
      await redoLost(tx, announce, task, subtasks, outcome);
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
        await endAttempt(tx, task, subtask, claim, attempt);
        return recover(endingOf(attempt));
      }
      const hold = waitFor(outcome);
      await appendEvent(tx, task.id, { ...about, ...waitEvent(claim.stage, outcome) });
      await moveSubtask(tx, subtask, subtask.state, hold);
      await wakeStage(tx, claim.stage, task.id, subtask.id, hold.at);
      return;
    }
    case "broken": {
      await appendEvent(tx, task.id, {
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
        await endAttempt(tx, task, subtask, claim, attempt);
        return recover(endingOf(attempt));
      }
      if (subtask.stageFailures + 1 < maxStageFailures[claim.stage]) {
        return retryStage(tx, task, subtask, claim, subtask.stageFailures + 1, outcome.detail);
      }
      return breakStage(outcome.detail);
    }
    case "postponed": {
      const postponed = subtask.postponed + 1;
      if (postponed > maxProviderWaits) return breakStage(outcome.detail);
      const { at, hold } = postpone(claim.stage, outcome, postponed);
      const event = postponedEvent(claim.stage, outcome, at);
      await appendEvent(tx, task.id, { ...about, ...event });
      await moveSubtask(tx, subtask, subtask.state, hold, { postponed });
      await wakeStage(tx, claim.stage, task.id, subtask.id, at);
      return;
    }
    case "unaffordable": {
      const hold = await askForBudget(tx, announce, task, about);
      const ending = { what: "unaffordable", stage: "verify", detail: outcome.detail } as const;
      await moveSubtask(
        tx,
        subtask,
        hold ? "waiting" : "verifying",
        hold ?? waitForSlot("verify"),
        {
          ending: json(ending satisfies Ending),
        },
      );
      if (!hold) await wakeStage(tx, "verify", task.id, subtask.id);
      return;
    }
    case "planned":
    case "refused":
    case "asked":
    case "delivered":
      invariant(false, `a subtask's stage cannot report ${outcome.kind}`);
  }
}

/** Applies recovery's decision; each one is an event that a person can read. */
async function applyDecision(
  tx: Tx,
  announce: Announce,
  task: Task,
  subtask: Subtask,
  claim: Claim,
  outcome: Extract<Outcome, { kind: "decided" }>,
): Promise<void> {
  const { decision, feedback } = outcome;
  const about = { subtaskId: subtask.id, attemptId: claim.attemptId };
  const ended = await setOnAttempt(tx, claim.attemptId, { decision });
  const sessionId = goesOn(decision.rung) ? (ended?.sessionId ?? null) : null;
  await appendEvent(tx, task.id, {
    ...about,
    type: "recovery.decided",
    message: `Recovery: ${decision.reason}`,
    data: {
      action: decision.action,
      rung: decision.rung,
      failure: decision.kind,
      signature: decision.signature,
      key: subtask.key,
      ...(decision.rung === "fallback" && decision.fallback),
    },
  });
  switch (decision.action) {
    case "retry": {
      // After a lost merge the intent is redone on the new base, not the diff. Settling starts it
      // there once no sibling in progress may touch the same files. Lost work is redone once the
      // subtasks that it builds on are merged.
      if (restartedOnHead.has(decision.kind)) {
        const on = { kind: "dependency", on: [subtask.id], reason: decision.reason } as const;
        await moveSubtask(tx, subtask, "blocked", on, { feedback, sessionId, stageFailures: 0 });
        return;
      }
      const at = new Date(Date.now() + decision.delayMs);
      const hold: Hold =
        decision.delayMs > 0
          ? { kind: "wake", at, reason: `${whyItWaits(decision.kind)}: ${decision.reason}` }
          : waitForSlot("execute");
      await moveSubtask(tx, subtask, "ready", hold, {
        feedback,
        sessionId,
        stageFailures: 0,
        ...(decision.rung === "fallback" && { fallback: json(decision.fallback) }),
      });
      await wakeStage(tx, "execute", task.id, subtask.id, at);
      return;
    }
    case "ask": {
      if (decision.kind === "out_of_budget") {
        const hold = await askForBudget(tx, announce, task, about);
        await moveSubtask(tx, subtask, hold ? "waiting" : "ready", hold ?? waitForSlot("execute"), {
          feedback,
          sessionId,
          stageFailures: 0,
        });
        if (!hold) await wakeStage(tx, "execute", task.id, subtask.id);
        return;
      }
      const questionId = newId("question");
      await insertQuestion(tx, {
        id: questionId,
        taskId: task.id,
        subtaskId: subtask.id,
        kind: kindOfQuestion(decision.kind),
        text: decision.question,
      });
      await moveSubtask(
        tx,
        subtask,
        "waiting",
        { kind: "question", questionId },
        {
          feedback,
          sessionId,
        },
      );
      await announce(tx, task, {
        ...about,
        type: "question.asked",
        message: `Question: ${decision.question}`,
        data: { question_id: questionId, question: decision.question, key: subtask.key },
      });
      return;
    }
    case "give_up":
      await moveSubtask(tx, subtask, "failed", null, { feedback, endDetail: decision.reason });
      await announce(tx, task, {
        ...about,
        type: "subtask.failed",
        message: `"${subtask.title}" failed: ${decision.reason}`,
        data: { key: subtask.key, failure: decision.kind },
      });
  }
}

const restartedOnHead: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "conflict",
  "integration_red",
  "work_lost",
]);

function whyItWaits(kind: FailureKind): string {
  return kind === "rate_limit_window" ? "a usage limit" : "backing off";
}

/** The kind decides which answers are accepted, and from whom. */
function kindOfQuestion(kind: FailureKind): QuestionKind {
  if (kind === "permission") return "permission";
  if (kind === "judges_changed" || kind === "tests_weakened") return "judges";
  return kind === "review_blocked" || kind === "review_not_done" ? "review" : "question";
}

/** The stage itself broke (disk, git, network): it is retried with growing delays. */
async function retryStage(
  tx: Tx,
  task: Task,
  subtask: Subtask,
  claim: Claim,
  failures: number,
  detail: string,
): Promise<void> {
  const at = stageRetryAt(failures);
  await moveSubtask(
    tx,
    subtask,
    subtask.state,
    { kind: "wake", at, reason: `${claim.stage} broke: ${detail.slice(0, 300)}` },
    { stageFailures: failures },
  );
  await wakeStage(tx, claim.stage, task.id, subtask.id, at);
}
