import { newId } from "../../core/base/id.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { StageName } from "../../core/task/outcome.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { taskStatesOf } from "../../store/tasks/claims.ts";
import { schedule } from "../transitions/schedule.ts";
import { waitForSlot } from "../transitions/stage-retry.ts";

/**
 * A paused task waits for a person, so its hold is a question, and so is the hold of each of its
 * subtasks that would otherwise start: a question hold cannot be claimed. Running attempts are
 * parked and continued afterwards.
 */

/** Paused rows wait for their slot again. The caller settles, which replaces every other hold. */
export async function unpause(
  ledger: TaskLedger,
  task: Task,
  subtasks: readonly Subtask[],
): Promise<void> {
  const isPaused = isHeldBy(await closePauses(ledger, task.id, "resumed"));
  await ledger.appendEvent(task.id, { type: "task.unpaused", message: "Resumed" });
  for (const subtask of subtasks.filter(isPaused)) {
    const stage = stageOfSubtask[subtask.state];
    if (!stage) continue;
    await ledger.moveSubtask(subtask, subtask.state, waitForSlot(stage));
    await ledger.wakeStage(stage, task.id, subtask.id);
  }
  const stage = (Object.keys(taskStatesOf) as (keyof typeof taskStatesOf)[]).find((name) =>
    (taskStatesOf[name] as readonly string[]).includes(task.state),
  );
  const waitsForSlot = stage !== undefined && isPaused(task);
  const hold = waitsForSlot ? waitForSlot(stage) : task.hold;
  await ledger.moveTask(task, task.state, hold, { pausedAt: null });
  if (waitsForSlot) await ledger.wakeStage(stage, task.id, null);
}

/** Ends the pause of a finished task: reopening it means that it should continue. */
export async function endPause(ledger: TaskLedger, task: Task): Promise<void> {
  await closePauses(ledger, task.id, `the task is ${task.state}`);
  await ledger.moveTask(task, task.state, null, { pausedAt: null });
}

async function closePauses(
  ledger: TaskLedger,
  taskId: string,
  answer: string,
): Promise<{ id: string }[]> {
  const pauses = (await ledger.listOpenQuestions(taskId)).filter(({ kind }) => kind === "pause");
  for (const { id } of pauses) await ledger.setAnswer(id, answer);
  return pauses;
}

const stageOfSubtask: Partial<Record<Subtask["state"], StageName>> = {
  ready: "execute",
  verifying: "verify",
  recovering: "recover",
  integrating: "integrate",
};

/**
 * Applies a pause: every row without a lease waits for the pause to end, including those that could
 * start now; blocked subtasks keep waiting for the others. Open questions stay open.
 */
export async function holdPaused(
  ledger: TaskLedger,
  task: Task,
  subtasks: readonly Subtask[],
): Promise<Task> {
  const open = await ledger.listOpenQuestions(task.id);
  const pause = open.find(({ kind }) => kind === "pause") ?? (await askToResume(ledger, task.id));
  const hold = { kind: "question", questionId: pause.id } as const;
  const isAsking = isHeldBy([...open, pause]);
  const decisions = new Map(schedule(subtasks).map((decision) => [decision.id, decision]));
  for (const subtask of subtasks) {
    const decision = decisions.get(subtask.id);
    if (decision)
      await ledger.moveSubtask(subtask, "blocked", decision.start ? hold : decision.hold);
    if (!stageOfSubtask[subtask.state] || subtask.hold?.kind === "lease") continue;
    if (!isAsking(subtask)) await ledger.moveSubtask(subtask, subtask.state, hold);
  }
  if (task.hold?.kind === "lease" || isAsking(task)) return task;
  return ledger.moveTask(task, task.state === "running" ? "waiting" : task.state, hold);
}

async function askToResume(ledger: TaskLedger, taskId: string): Promise<{ id: string }> {
  const question = {
    id: newId("question"),
    taskId,
    subtaskId: null,
    kind: "pause",
    text: "Paused by a person. Resume?",
  } as const;
  await ledger.insertQuestion(question);
  return question;
}

function isHeldBy(questions: readonly { id: string }[]) {
  return ({ hold }: Task | Subtask) =>
    hold?.kind === "question" && questions.some(({ id }) => id === hold.questionId);
}
