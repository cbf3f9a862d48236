import type { Hold } from "../task/hold.ts";
import { assertSubtaskMove, assertTaskMove } from "../task/lifecycle.ts";
import type { Subtask, Task } from "../task/task.ts";
import type { MoveOptions } from "./task-ledger.ts";

/**
 * What a move writes, whatever the store: the state, which must be legal, exactly one hold or none,
 * and the epoch that fences earlier owners. Pure.
 */
export function decideTaskMove(
  { endedAt, epoch, state }: Task,
  to: Task["state"],
  hold: Hold | null,
  { newEpoch = false }: MoveOptions,
  now: Date,
): Pick<Task, "state" | "hold" | "epoch" | "updatedAt" | "endedAt"> {
  if (state !== to) assertTaskMove(state, to);
  const ended = hold === null ? (endedAt ?? now) : null;
  return { state: to, hold, epoch: epoch + (newEpoch ? 1 : 0), updatedAt: now, endedAt: ended };
}

/** The same for a subtask. */
export function decideSubtaskMove(
  { epoch, state }: Subtask,
  to: Subtask["state"],
  hold: Hold | null,
  { newEpoch = false }: MoveOptions,
  now: Date,
): Pick<Subtask, "state" | "hold" | "epoch" | "updatedAt"> {
  if (state !== to) assertSubtaskMove(state, to);
  return { state: to, hold, epoch: epoch + (newEpoch ? 1 : 0), updatedAt: now };
}

/** The hold of a subtask that was just planned, until its task is settled. */
export function holdWhenPlanned(taskId: string): Hold {
  return { kind: "dependency", on: [taskId], reason: "the plan was just made" };
}
