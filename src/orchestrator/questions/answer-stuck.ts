import { DeputyError } from "../../core/base/error.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { restarted, startRework } from "../commands/rework.ts";
import type { Announce } from "../transitions/announce.ts";
import { waitForSlot } from "../transitions/stage-retry.ts";
import { askAboutTask } from "./ask-about-task.ts";
import { goOnPlanning } from "./planner-question.ts";

/**
 * A person's answer about what recovery could not finish by itself: a subtask, or the planning or
 * delivery of the whole task. The caller settles the task.
 */
export async function answerStuck(
  ledger: TaskLedger,
  announce: Announce,
  { subtasks, task }: { task: Task; subtasks: readonly Subtask[] },
  question: { subtaskId: string | null; text: string },
  answer: string,
): Promise<void> {
  const subtask = subtasks.find(({ id }) => id === question.subtaskId);
  if (subtask) return answerAboutSubtask(ledger, announce, task, subtask, question, answer);
  return answerAboutWhole(ledger, announce, task, subtasks, question, answer);
}

/**
 * It gets a new budget of attempts, with the advice in their briefs, or it ends. What had failed
 * begins afresh on what is merged by now; what was only interrupted goes on in its session.
 */
async function answerAboutSubtask(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  subtask: Subtask,
  question: { text: string },
  answer: string,
): Promise<void> {
  if (isEnd(answer)) return endStuck(ledger, announce, task, subtask);
  const latest = await ledger.getLatestAttempt(subtask.id);
  const next = (latest?.number ?? 0) + 1;
  const advice = isRetry(answer) ? [] : [{ question: question.text, answer }];
  await ledger.appendEvent(task.id, {
    type: "subtask.retried",
    message: `"${subtask.title}" is tried again, from attempt ${next} on, as a person said`,
    data: { key: subtask.key, next_attempt: next },
    subtaskId: subtask.id,
  });
  const answers = [...subtask.answers, ...advice];
  if (latest?.decision?.rung === "ask") {
    const set = { answers, firstCountedAttempt: next, stageFailures: 0, postponed: 0 };
    await ledger.moveSubtask(subtask, "ready", waitForSlot("execute"), set);
    return ledger.wakeStage("execute", task.id, subtask.id);
  }
  const kind = subtask.kind === "replan" ? "work" : subtask.kind;
  const on = { kind: "dependency", on: [subtask.id], reason: "a person helped" } as const;
  await ledger.moveSubtask(subtask, "blocked", on, { ...restarted(next), answers, kind });
}

/** A task whose planning or delivery cannot go on waits for a person. */
export async function askAboutWhole(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  reason: string,
): Promise<void> {
  const also =
    task.state === "delivering" ? ", also after a deputy comment on what has to change" : "";
  const text = `${reason}\n\nAnswer "retry" once that is mended${also}, or "give up" to end it.`;
  return askAboutTask(ledger, announce, task, { kind: "stuck", text });
}

/** The stage runs again; comments that were made meanwhile are worked on before a delivery. */
async function answerAboutWhole(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  subtasks: readonly Subtask[],
  question: { text: string },
  answer: string,
): Promise<void> {
  if (isEnd(answer)) {
    const endDetail = `given up by a person: ${question.text.split("\n\n")[0]}`;
    await ledger.closePlanning(task.id);
    const failed = await ledger.moveTask(task, "failed", null, { endDetail });
    await announce(ledger, failed, { type: "task.failed", message: `Failed: ${endDetail}` });
    return;
  }
  if (subtasks.length === 0) return goOnPlanning(ledger, task);
  if (await startRework(ledger, task, subtasks, announce)) return;
  await ledger.moveTask(task, "delivering", waitForSlot("deliver"));
  await ledger.wakeStage("deliver", task.id, null);
}

/** Throws a DeputyError for an answer that the question cannot use: advice needs an agent to follow it. */
export function requireUsable({ subtaskId }: { subtaskId: string | null }, answer: string): void {
  if (subtaskId !== null || isEnd(answer) || isRetry(answer)) return;
  throw new DeputyError(
    "invalid_input",
    'This question is about the whole task: answer "retry" or "give up"; what has to change in a file is said by deputy comment.',
    { field: "answer" },
  );
}

async function endStuck(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  subtask: Subtask,
): Promise<void> {
  const latest = await ledger.getLatestAttempt(subtask.id);
  const why = latest?.decision?.reason.replace(/^asks for help/, "it was stuck") ?? "it was stuck";
  const endDetail = `given up by a person: ${why}`;
  await ledger.moveSubtask(subtask, "failed", null, { endDetail });
  await announce(ledger, task, {
    type: "subtask.failed",
    message: `"${subtask.title}" failed: ${endDetail}`,
    data: { key: subtask.key, failure: latest?.decision?.kind ?? null },
    subtaskId: subtask.id,
  });
}

/** Also between the quotation marks that the question puts around what can be said. */
function isEnd(answer: string): boolean {
  return /^[\s"'`“”]*(?:give up|give it up|no|n|stop|end)[\s"'`“”.!]*$/i.test(answer);
}

/** Nothing to tell the next attempt: what was in the way is gone. */
function isRetry(answer: string): boolean {
  return /^[\s"'`“”]*(?:retry|try again|again|go on|yes|y)[\s"'`“”.!]*$/i.test(answer);
}
