import type { AttentionItem } from "../attention/attention.ts";
import type { TaskState } from "../task/lifecycle.ts";
import { isTaskOver } from "../task/lifecycle.ts";
import type { QuestionKind } from "../task/question.ts";
import { decisionOf, type ListedTask } from "../task/task.ts";

/** A list of tasks: what is asked for, and what a row has beside the task. */
export const taskSorts = ["new", "updated", "cost"] as const;
export type TaskSort = (typeof taskSorts)[number];

export type TaskQuery = {
  /** None: all. */
  states: readonly TaskState[];
  /** A part of the goal, the id, or of what it is about elsewhere, in any case. */
  search: string | null;
  repository: string | null;
  sort: TaskSort;
  limit: number;
};

export type ListedRow = ListedTask & {
  /** Of the calls that have a price. */
  costUsd: number;
  /** What it needs a person for, as in the list of what does; null: nothing. */
  attention: AttentionItem["kind"] | null;
};

/** The first reason why it needs a person, whether that left the list because it was quiet or not. */
export function attentionOf(
  task: ListedTask,
  open: readonly QuestionKind[],
): ListedRow["attention"] {
  if (task.state === "failed") return task.discardedAt === null ? "failed" : null;
  if (isTaskOver(task.state)) return decisionOf(task) === "open" ? "delivered" : null;
  // Who paused it knows, and one that is being cancelled needs no answer.
  if (task.cancelRequestedAt) return null;
  return open.find((kind) => kind !== "pause") ?? null;
}
