import { newId } from "../../core/base/id.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import { type FailureKind, goesOn, restartedOnHead } from "../../core/task/failure.ts";
import type { Hold } from "../../core/task/hold.ts";
import type { Claim, Outcome } from "../../core/task/outcome.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { askForBudget } from "../questions/budget-question.ts";
import type { Announce } from "./announce.ts";
import { dropLate } from "./late-work.ts";
import { waitForSlot } from "./stage-retry.ts";

/** Applies recovery's decision; each one is an event that a person can read. */
export async function applyDecision(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  subtask: Subtask,
  claim: Claim,
  outcome: Extract<Outcome, { kind: "decided" }>,
): Promise<void> {
  const { decision, feedback } = outcome;
  const about = { subtaskId: subtask.id, attemptId: claim.attemptId };
  const ended = await ledger.setOnAttempt(claim.attemptId, { decision });
  // The files of a session are on the base that its attempt started from.
  const isThere = goesOn(decision.rung) && ended?.baseCommit === subtask.baseCommit;
  const sessionId = isThere ? ended.sessionId : null;
  await ledger.appendEvent(task.id, {
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
  const set = { feedback, sessionId, stageFailures: 0 };
  switch (decision.action) {
    case "retry": {
      // After a lost merge the intent is redone on the new base, not the diff. Settling starts it
      // there once no sibling in progress may touch the same files. Lost work is redone once the
      // subtasks that it builds on are merged. A planner plans on what is merged now.
      if (decision.rung === "replan" || restartedOnHead.has(decision.kind)) {
        const on = { kind: "dependency", on: [subtask.id], reason: decision.reason } as const;
        const kind = decision.rung === "replan" ? "replan" : subtask.kind;
        await ledger.moveSubtask(subtask, "blocked", on, { ...set, kind, fallback: null });
        return;
      }
      const at = new Date(Date.now() + decision.delayMs);
      const hold: Hold =
        decision.delayMs > 0
          ? { kind: "wake", at, reason: `${whyItWaits(decision.kind)}: ${decision.reason}` }
          : waitForSlot("execute");
      await ledger.moveSubtask(subtask, "ready", hold, {
        ...set,
        ...(decision.rung === "fallback" && { fallback: decision.fallback }),
      });
      await ledger.wakeStage("execute", task.id, subtask.id, at);
      return;
    }
    case "ask": {
      if (decision.asks === "budget") {
        const hold = await askForBudget(ledger, announce, task, about);
        const to = hold ? "waiting" : "ready";
        await ledger.moveSubtask(subtask, to, hold ?? waitForSlot("execute"), set);
        if (!hold) await ledger.wakeStage("execute", task.id, subtask.id);
        return;
      }
      await dropLate(ledger, subtask, decision.asks);
      const { choices = [] } = decision;
      const questionId = newId("question");
      await ledger.insertQuestion({
        id: questionId,
        taskId: task.id,
        subtaskId: subtask.id,
        kind: decision.asks,
        text: decision.question,
        choices,
      });
      const hold = { kind: "question", questionId } as const;
      await ledger.moveSubtask(subtask, "waiting", hold, { feedback, sessionId });
      await announce(ledger, task, {
        ...about,
        type: "question.asked",
        message: `Question: ${decision.question}`,
        data: {
          ...{ question_id: questionId, question: decision.question },
          ...{ key: subtask.key, kind: decision.asks, choices },
        },
      });
      return;
    }
    case "give_up":
      await ledger.moveSubtask(subtask, "failed", null, { feedback, endDetail: decision.reason });
      await announce(ledger, task, {
        ...about,
        type: "subtask.failed",
        message: `"${subtask.title}" failed: ${decision.reason}`,
        data: { key: subtask.key, failure: decision.kind },
      });
  }
}

function whyItWaits(kind: FailureKind): string {
  return kind === "rate_limit_window" ? "a usage limit" : "backing off";
}
