import { DeputyError } from "../../core/base/error.ts";
import { newId } from "../../core/base/id.ts";
import { invariant } from "../../core/base/invariant.ts";
import type { TaskChange, TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { Plan } from "../../core/task/plan.ts";
import { isApproval } from "../../core/task/question.ts";
import type { Preparation, Task } from "../../core/task/task.ts";
import type { Announce } from "../transitions/announce.ts";
import { cleanPlan, renderPlan } from "../transitions/render-plan.ts";
import { waitForSlot } from "../transitions/stage-retry.ts";
import { startPlan } from "../transitions/start-plan.ts";

/**
 * A plan that a person wants to see before anything runs. The proposal is a row, and the task holds
 * a question; "approve" starts exactly what was shown, any other answer goes to the planner
 * together with that plan. An agent may never answer it.
 */
const maxPlanRounds = 5;

export async function proposePlan(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  preparation: Preparation,
  made: Plan,
): Promise<void> {
  const plan = cleanPlan(made);
  await ledger.insertPlan({
    taskId: task.id,
    subtaskId: null,
    state: "proposed",
    plan,
    reason: plan.planner?.reason ?? "",
    diff: [],
    refused: [],
  });
  await askAboutPlan(ledger, announce, task, plan, { preparation: preparation });
}

/** Ask, or ask again if the question was lost. */
export async function askAboutPlan(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  plan: Plan,
  set: TaskChange = {},
): Promise<void> {
  const questionId = newId("question");
  const text = renderPlan(plan);
  await ledger.insertQuestion({
    id: questionId,
    taskId: task.id,
    subtaskId: null,
    kind: "plan",
    text,
  });
  const asking = await ledger.moveTask(
    task,
    "waiting",
    { kind: "question", questionId },
    { ...set, stageFailures: 0 },
  );
  const count = plan.subtasks.length;
  await announce(ledger, asking, {
    type: "question.asked",
    message: `Question: run this plan of ${count} subtask${count === 1 ? "" : "s"}? (${plan.subtasks.map(({ title }) => title).join("; ")})`,
    data: { question_id: questionId, question: text, kind: "plan" },
  });
}

/** The plan that waits for an answer; null if there is none. */
export async function findProposedPlan(ledger: TaskLedger, taskId: string) {
  return (await ledger.listPlans(taskId)).find(({ state }) => state === "proposed") ?? null;
}

/**
 * Interprets an answer about a plan. Throws a DeputyError for a bare rejection, which gives the
 * planner nothing to improve.
 */
export function readPlanAnswer(answer: string): "approve" | "cancel" | "feedback" {
  const word = answer
    .trim()
    .toLowerCase()
    .replace(/[.!]+$/, "");
  if (isApproval(answer)) return "approve";
  if (["cancel", "no", "n"].includes(word)) return "cancel";
  if (["reject", "rejected"].includes(word)) {
    throw new DeputyError(
      "invalid_input",
      'Say what should be different about the plan, or "cancel" to end the task.',
      { field: "answer" },
    );
  }
  return "feedback";
}

/** Throws a DeputyError for feedback if no further plan may be made. */
export async function checkPlanRounds(ledger: TaskLedger, taskId: string): Promise<void> {
  const proposals = (await ledger.listPlans(taskId)).filter(({ state }) => state !== "revision");
  if (proposals.length < maxPlanRounds) return;
  throw new DeputyError(
    "conflict",
    `${maxPlanRounds} plans were made for this task, which is the limit: answer "approve" or "cancel", or start a task with a plan of your own (--plan).`,
    { field: "answer" },
  );
}

/** Apply an answer about a plan. The caller settles the task afterwards. */
export async function answerPlan(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  answer: string,
): Promise<void> {
  const proposed = await findProposedPlan(ledger, task.id);
  invariant(proposed?.plan && task.preparation, "a plan that is asked about is stored");
  switch (readPlanAnswer(answer)) {
    case "approve":
      await ledger.closePlan(proposed.id, "accepted", null);
      return startPlan(ledger, announce, task, task.preparation, proposed.plan);
    case "cancel": {
      await ledger.closePlan(proposed.id, "rejected", null);
      await ledger.moveTask(task, "cancelled", null, {
        endDetail: "its plan was not approved",
        cancelRequestedAt: new Date(),
      });
      const message = "Cancelled: its plan was not approved";
      await announce(ledger, task, { type: "task.cancelled", message });
      return;
    }
    case "feedback":
      await ledger.closePlan(proposed.id, "rejected", answer);
      await ledger.moveTask(task, "planning", waitForSlot("plan"));
      await ledger.wakeStage("plan", task.id, null);
  }
}
