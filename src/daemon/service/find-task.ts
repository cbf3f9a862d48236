import { DeputyError } from "../../core/base/error.ts";
import { isId, lastTask, readTaskPrefix } from "../../core/base/id.ts";
import type { Task } from "../../core/task/task.ts";
import type { Garbled, TaskDetail } from "../../core/task/task-detail.ts";
import { GarbledRow, readEach } from "../../store/database/garbled.ts";
import { toAttempt, toSubtask } from "../../store/database/rows.ts";
import type { Db } from "../../store/database/schema.ts";
import { listMessageRows, toMessage } from "../../store/records/messages.ts";
import { listUsageRows, toUsage } from "../../store/records/usage.ts";
import { listPlanRows, toPlan } from "../../store/tasks/plans.ts";
import { listQuestionRows, toQuestion } from "../../store/tasks/questions.ts";
import {
  findNewestTaskId,
  findTaskIds,
  getTask,
  listAttemptRows,
  listSubtaskRows,
} from "../../store/tasks/tasks.ts";
import { listWorktreeRows, toWorktree } from "../../store/tasks/worktrees.ts";

/**
 * Tasks by what a person types: a full id, the beginning of one that no other task shares (with or
 * without `task_`), or `last`, the newest task.
 */
export type FindDeps = {
  db: Db;
  /** Called with each row that cannot be read. */
  onGarbled: (garbled: Garbled) => void;
};

/** @throws DeputyError if no task has this id, or several do. */
export async function findTaskId({ db }: Pick<FindDeps, "db">, reference: string): Promise<string> {
  if (isId("task", reference)) return reference;
  if (reference === lastTask) {
    const newest = await findNewestTaskId(db);
    if (newest !== null) return newest;
    throw new DeputyError("not_found", "There is no task yet.", { field: "id" });
  }
  const prefix = readTaskPrefix(reference);
  if (prefix === null) {
    throw new DeputyError(
      "invalid_input",
      `"${reference}" is not a task id: give "${lastTask}", or at least three characters of the id after task_.`,
      { field: "id" },
    );
  }
  const [id, other] = await findTaskIds(db, prefix);
  if (other !== undefined) {
    throw new DeputyError(
      "conflict",
      `${reference} is the beginning of several task ids; give more of it.`,
      { field: "id" },
    );
  }
  if (id === undefined) throw unknownTask(reference);
  return id;
}

/** @throws DeputyError if there is no such task, GarbledRow if its row cannot be read. */
export async function findTask({ db, onGarbled }: FindDeps, reference: string): Promise<Task> {
  const task = await getTask(db, await findTaskId({ db }, reference)).catch((error) => {
    if (error instanceof GarbledRow) onGarbled(error.garbled);
    throw error;
  });
  if (!task) throw unknownTask(reference);
  return task;
}

/** The task with all its rows that can be read. */
export async function findDetail(deps: FindDeps, reference: string): Promise<TaskDetail> {
  const { db, onGarbled } = deps;
  const id = await findTaskId(deps, reference);
  const [task, subtasks, attempts, questions, messages, plans, usage, worktrees] =
    await Promise.all([
      findTask(deps, id),
      listSubtaskRows(db, id),
      listAttemptRows(db, { taskId: id }),
      listQuestionRows(db, id),
      listMessageRows(db, id),
      listPlanRows(db, id),
      listUsageRows(db, id),
      listWorktreeRows(db, id),
    ]);
  const garbled: Garbled[] = [];
  const read = <Row, Value>(rows: readonly Row[], toValue: (row: Row) => Value): Value[] => {
    const list = readEach(rows, toValue);
    for (const one of list.garbled) onGarbled(one);
    garbled.push(...list.garbled);
    return list.sound;
  };
  return {
    task,
    subtasks: read(subtasks, toSubtask),
    attempts: read(attempts, toAttempt),
    questions: read(questions, toQuestion),
    messages: read(messages, toMessage),
    plans: read(plans, toPlan),
    usage: read(usage, toUsage),
    worktrees: read(worktrees, toWorktree),
    garbled,
  };
}

/**
 * The task with all its rows, for answers that would be wrong without one of them.
 * @throws GarbledRow if a row cannot be read.
 */
export async function findWhole(deps: FindDeps, reference: string): Promise<TaskDetail> {
  const detail = await findDetail(deps, reference);
  const [garbled] = detail.garbled;
  if (garbled) throw new GarbledRow(garbled);
  return detail;
}

/** The refusal of an id that no task has. */
export function unknownTask(reference: string): DeputyError {
  return new DeputyError("not_found", `There is no task ${reference}.`, { field: "id" });
}
