import type { TaskDetailView } from "../../../../src/api/task/task-detail.ts";

/** A task as GET /v1/tasks/:id answers it, and the parts of it that the views name. */
export type Detail = TaskDetailView;
export type Task = Detail["task"];
export type Subtask = Detail["subtasks"][number];
export type Attempt = Detail["attempts"][number];
export type Question = Detail["questions"][number];
export type Verdict = NonNullable<Attempt["verdict"]>;
export type CheckResult = Verdict["checks"][number];
export type CheckRun = CheckResult["run"];

export const isOver = ({ state }: Pick<Task, "state">): boolean =>
  state === "completed" || state === "failed" || state === "cancelled";

/** What each tab is given. */
export type TabProps = { detail: Detail; refresh: () => void };
