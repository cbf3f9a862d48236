import { isSubtaskOver } from "../core/lifecycle.ts";
import type { StageName } from "../core/outcome.ts";
import type { Subtask, Task } from "../core/task.ts";
import { taskStatesOf } from "../store/claims.ts";
import { listOpenQuestions, setAnswer } from "../store/questions.ts";
import type { Tx } from "../store/schema.ts";
import { appendEvent, moveSubtask, moveTask, ringStage } from "../store/transition.ts";
import { waitForSlot } from "./stage-retry.ts";

/**
 * A paused task waits for a person, so its hold is a question, and so is the hold of each of its
 * subtasks that would otherwise be started: nothing can claim what holds a question. Running
 * attempts are parked, and what they did is gone on with afterwards.
 */

/** Everything that the pause holds waits for its slot again; settling says what the task waits for. */
export async function unpause(tx: Tx, task: Task, subtasks: readonly Subtask[]): Promise<void> {
  const pauses = (await listOpenQuestions(tx, task.id)).filter(({ kind }) => kind === "pause");
  const isPaused = (row: Task | Subtask) =>
    row.hold?.kind === "question" &&
    pauses.some(({ id }) => row.hold?.kind === "question" && row.hold.questionId === id);
  for (const { id } of pauses) await setAnswer(tx, id, "resumed");
  await appendEvent(tx, task.id, { type: "task.unpaused", message: "Resumed" });
  for (const subtask of subtasks.filter(isPaused)) {
    const stage = stageOfSubtask[subtask.state];
    if (!stage) continue;
    await moveSubtask(tx, subtask, subtask.state, waitForSlot(stage));
    await ringStage(tx, stage, task.id, subtask.id);
  }
  if (!isPaused(task)) {
    await moveTask(tx, task, task.state, task.hold, { pausedAt: null });
    return;
  }
  const stage = (Object.keys(taskStatesOf) as (keyof typeof taskStatesOf)[]).find((name) =>
    (taskStatesOf[name] as readonly string[]).includes(task.state),
  );
  if (stage) {
    await moveTask(tx, task, task.state, waitForSlot(stage), { pausedAt: null });
    await ringStage(tx, stage, task.id, null);
    return;
  }
  const on = subtasks.filter(({ state }) => !isSubtaskOver(state)).map(({ id }) => id);
  await moveTask(
    tx,
    task,
    "running",
    { kind: "dependency", on, reason: "resumed" },
    {
      pausedAt: null,
    },
  );
}

const stageOfSubtask: Partial<Record<Subtask["state"], StageName>> = {
  ready: "execute",
  verifying: "verify",
  recovering: "recover",
  integrating: "integrate",
};

/**
 * Bring a task that is paused in line: whatever nobody works on waits for the pause to end. Blocked
 * subtasks wait for others anyway; what asks something goes on asking.
 */
export async function holdPaused(tx: Tx, task: Task, subtasks: readonly Subtask[]): Promise<void> {
  const pause = (await listOpenQuestions(tx, task.id)).find(({ kind }) => kind === "pause");
  if (!pause) return;
  const hold = { kind: "question", questionId: pause.id } as const;
  for (const subtask of subtasks) {
    if (!stageOfSubtask[subtask.state] || subtask.hold?.kind === "lease") continue;
    if (subtask.hold?.kind === "question") continue;
    await moveSubtask(tx, subtask, subtask.state, hold);
  }
  if (task.hold?.kind === "lease" || task.hold?.kind === "question") return;
  await moveTask(tx, task, task.state === "running" ? "waiting" : task.state, hold);
}
