import type { TaskState } from "../task/lifecycle.ts";

/** What one reader of all tasks learns when it looks again. */
export type TaskChange = { id: string; state: TaskState; updatedAt: Date };

/** `tasks` is null where the cursor does not lead to here: then everything is read anew, for `reason`. */
export type Changes = { cursor: string } & (
  | { tasks: TaskChange[]; reason: null }
  | { tasks: null; reason: string }
);

/** How it stands with all tasks, in numbers. */
export type TaskCounts = {
  /** States that some task has. */
  counts: Partial<Record<TaskState, number>>;
  /** What needs a person and was not put off. */
  attention: number;
  frozen: boolean;
};
