import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { Task } from "../../core/task/task.ts";
import type { Db } from "../../store/database/schema.ts";
import { listQuestions } from "../../store/tasks/questions.ts";
import type { Announce } from "../transitions/announce.ts";
import { waitForSlot } from "../transitions/stage-retry.ts";
import { askAboutTask } from "./ask-about-task.ts";

/**
 * A question of a whole task's planner to a person. There is no subtask yet, so the question
 * belongs to the task; with the answer the same planner continues in the same session. (A subtask
 * of kind `plan` asks like any attempt.)
 */
export async function askForPlanner(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  text: string,
  choices: string[] = [],
): Promise<void> {
  return askAboutTask(ledger, announce, task, { kind: "question", text, choices });
}

/**
 * Resumes planning after the answer is stored. The caller settles the task afterwards: it may be
 * paused.
 */
export async function goOnPlanning(ledger: TaskLedger, task: Task): Promise<void> {
  await ledger.moveTask(task, "planning", waitForSlot("plan"), { postponed: 0 });
  await ledger.wakeStage("plan", task.id, null);
}

/** Answers to questions of a whole task's planners, oldest first. */
export async function listPlannerAnswers(
  db: Db,
  taskId: string,
): Promise<{ question: string; answer: string }[]> {
  return (await listQuestions(db, taskId)).flatMap(({ answer, kind, subtaskId, text }) =>
    kind === "question" && subtaskId === null && answer !== null
      ? [{ question: text, answer }]
      : [],
  );
}
