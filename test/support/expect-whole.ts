import { expect } from "vitest";
import {
  isSubtaskOver,
  isTaskOver,
  subtaskMoves,
  taskMoves,
} from "../../src/core/task/lifecycle.ts";
import { getTask, listAttempts, listSubtasks } from "../../src/store/tasks/tasks.ts";
import { findUnsoundHolds } from "../../src/store/tasks/unsound-holds.ts";
import type { Bench } from "./orchestrator.ts";

/** What holds after every step of a task, whatever the step was. */
type States = { task: string; subtasks: Map<string, string> };

export async function readStates({ db }: Bench, id: string): Promise<States> {
  const task = await getTask(db, id);
  const subtasks = await listSubtasks(db, id);
  return {
    task: task?.state ?? "",
    subtasks: new Map(subtasks.map((subtask) => [subtask.id, subtask.state])),
  };
}

/** No move that the lifecycle does not know, exactly one hold where one belongs, and all of them sound. */
export async function expectWhole({ db }: Bench, id: string, before: States): Promise<void> {
  const task = await getTask(db, id);
  const subtasks = await listSubtasks(db, id);
  if (!task) throw new Error("the task is gone");
  expect(task.hold === null).toBe(isTaskOver(task.state));
  expect(canReach(taskMoves, before.task, task.state), `${before.task} → ${task.state}`).toBe(true);
  for (const subtask of subtasks) {
    const from = before.subtasks.get(subtask.id) ?? "blocked";
    expect(subtask.hold === null).toBe(isSubtaskOver(subtask.state));
    expect(canReach(subtaskMoves, from, subtask.state), `${from} → ${subtask.state}`).toBe(true);
  }
  for (const attempt of await listAttempts(db, { taskId: id })) {
    const subtask = subtasks.find((candidate) => candidate.id === attempt.subtaskId);
    const isLatest = attempt.epoch === subtask?.epoch && subtask.state === "running";
    expect(attempt.endedAt === null).toBe(isLatest);
  }
  expect(await findUnsoundHolds(db)).toEqual([]);
}

/** One transaction may make several legal moves. */
function canReach(moves: Record<string, readonly string[]>, from: string, to: string): boolean {
  const seen = new Set([from]);
  for (const state of seen) for (const next of moves[state] ?? []) seen.add(next);
  return seen.has(to);
}

export async function makeWakesDue({ database }: Bench): Promise<void> {
  for (const table of ["tasks", "subtasks"])
    await database.query(`update ${table} set hold_at = now() where hold_kind = 'wake'`);
}
