import { DeputyError } from "../../core/base/error.ts";
import { newId } from "../../core/base/id.ts";
import {
  askForMore,
  type Budget,
  findSpentCap,
  formatBudget,
  isBudgetRefusal,
  parseBudget,
  proposeRaise,
  raiseBudget,
} from "../../core/budget/budget.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { Hold } from "../../core/task/hold.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import type { Announce } from "../transitions/announce.ts";
import { waitForSlot } from "../transitions/stage-retry.ts";

/**
 * A task whose budget is used up asks a person once, however many of its subtasks were refused a
 * call: they all wait for the same question, and one answer lets them continue or ends them.
 */

/**
 * The hold for a subtask (or the task itself) that was refused a call; null: there is room again.
 */
export async function askForBudget(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  about: { subtaskId: string | null; attemptId: string | null },
): Promise<Hold | null> {
  if (!task.budget) return null;
  const open = (await ledger.listOpenQuestions(task.id)).find(({ kind }) => kind === "budget");
  if (open) return { kind: "question", questionId: open.id };
  const spent = await ledger.readSpent(task.id);
  // The call was refused before an answer that has been applied since.
  if (findSpentCap(task.budget, spent) === null) return null;
  const questionId = newId("question");
  const text = askForMore(task.budget, spent);
  const question = { id: questionId, taskId: task.id, subtaskId: null, text };
  await ledger.insertQuestion({ ...question, kind: "budget" });
  await announce(ledger, task, {
    ...about,
    type: "question.asked",
    message: `Question: ${text}`,
    data: { question_id: questionId, question: text, kind: "budget" },
  });
  return { kind: "question", questionId };
}

/**
 * Raise the caps and continue everything that waited for them, or give up. The caller settles the
 * task.
 */
export async function answerBudgetQuestion(
  ledger: TaskLedger,
  deps: AdvanceDeps,
  task: Task,
  subtasks: readonly Subtask[],
  question: { id: string; text: string },
  answer: string,
): Promise<void> {
  const raised = await readAnswer(ledger, task, question.text, answer);
  if (raised) return grantBudget(ledger, task, subtasks, question, { budget: raised, answer });
  await recordAnswer(ledger, task, question, answer, null);
  const waits = waitsFor(question);
  for (const subtask of subtasks.filter(waits)) {
    // Verified work continues without the review that was not paid for: the stage reports it as not
    // done.
    if (isReviewed(subtask)) await goOn(ledger, subtask);
    else await giveUp(ledger, deps.announce, task, subtask);
  }
  if (subtasks.length > 0 || !waits(task)) return;
  const failed = await ledger.moveTask(task, "failed", null, { endDetail: refused });
  await deps.announce(ledger, failed, { type: "task.failed", message: `Failed: ${refused}` });
}

/** Gives a task its new budget, and continues everything that waited for this question. */
export async function grantBudget(
  ledger: TaskLedger,
  task: Task,
  subtasks: readonly Subtask[],
  question: { id: string },
  { answer, budget }: { answer: string; budget: Budget },
): Promise<void> {
  await recordAnswer(ledger, task, question, answer, budget);
  const waits = waitsFor(question);
  const current = await ledger.moveTask(task, task.state, task.hold, { budget });
  for (const subtask of subtasks.filter(waits)) await goOn(ledger, subtask);
  if (subtasks.length > 0 || !waits(task)) return;
  await ledger.moveTask(current, "queued", waitForSlot("plan"));
  await ledger.wakeStage("plan", task.id, null);
}

async function recordAnswer(
  ledger: TaskLedger,
  { id }: Task,
  question: { id: string },
  answer: string,
  budget: Budget | null,
): Promise<void> {
  await ledger.setAnswer(question.id, answer);
  await ledger.appendEvent(id, {
    type: "question.answered",
    message: `Answered: ${answer.slice(0, 200)}${budget ? `; the budget is ${formatBudget(budget)} now` : ""}`,
    data: { question_id: question.id, answer, budget },
  });
}

const waitsFor =
  (question: { id: string }) =>
  ({ hold }: Task | Subtask) =>
    hold?.kind === "question" && hold.questionId === question.id;

const refused = "the budget is used up, and no more was granted";

/** Whether the work was done and a reviewer's call was refused. */
function isReviewed({ ending }: Subtask): boolean {
  return ending?.what === "unaffordable";
}

async function goOn(ledger: TaskLedger, subtask: Subtask): Promise<void> {
  const stage = isReviewed(subtask) ? "verify" : "execute";
  await ledger.moveSubtask(subtask, stage === "verify" ? "verifying" : "ready", waitForSlot(stage));
  await ledger.wakeStage(stage, subtask.taskId, subtask.id);
}

async function giveUp(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  subtask: Subtask,
): Promise<void> {
  await ledger.moveSubtask(subtask, "failed", null, { endDetail: refused });
  await announce(ledger, task, {
    type: "subtask.failed",
    message: `"${subtask.title}" failed: ${refused}`,
    data: { key: subtask.key, failure: "out_of_budget" },
    subtaskId: subtask.id,
  });
}

/** The new budget; null: no more may be spent. */
async function readAnswer(
  ledger: TaskLedger,
  task: Task,
  asked: string,
  answer: string,
): Promise<Budget | null> {
  const words = answer.trim().toLowerCase();
  if (isBudgetRefusal(answer)) return null;
  const budget = task.budget ?? {};
  const spent = await ledger.readSpent(task.id);
  const isYes = ["yes", "y"].includes(words);
  const proposed = isYes ? proposeRaise(budget, spent) : null;
  // Late usage may have used up another cap: a "yes" grants only what was shown.
  if (proposed && !asked.includes(` +${formatBudget(proposed)}?`)) {
    throw new DeputyError(
      "conflict",
      `More was spent since this was asked. ${askForMore(budget, spent)} Answer with the amount.`,
      { field: "answer" },
    );
  }
  const by = isYes ? proposed : parseBudget(words.replace(/(^|,\s*)\+\s*/g, "$1"));
  const raised = by && raiseBudget(budget, spent, by);
  if (raised) return raised;
  throw new DeputyError(
    "invalid_input",
    by
      ? `"${answer.trim().slice(0, 100)}" is not enough to continue: another cap is used up too, or the price of a call is unknown.`
      : 'This question is about the budget: answer "yes", an amount ("+$5", "+100k tokens", "+30 turns", "+60m"; several with commas), or "no".',
    { field: "answer" },
  );
}
