import { taskDetailWire } from "../api/task/task-detail.ts";
import { connect, taskPath } from "./client.ts";
import type { CliIo } from "./io.ts";

/**
 * The keys of a task's subtasks, by id, for lines that say which one they are about. Read again for
 * each id that is new, because a plan comes later and may be revised.
 */
export function makeSubtaskKeys(io: Pick<CliIo, "env">, taskId: string) {
  let keys = new Map<string, string>();

  async function read(): Promise<void> {
    const { value } = await connect(io).json(taskDetailWire, "GET", taskPath(taskId));
    keys = new Map(value.subtasks.map(({ id, key }) => [id, key]));
  }

  /** Null: the task has no other subtask, so nobody has to be told. */
  return async (subtaskId: string | null): Promise<string | null> => {
    if (subtaskId === null) return null;
    // A line without a name is better than none: the daemon may stop at any moment.
    if (!keys.has(subtaskId)) await read().catch(() => {});
    return keys.size > 1 ? (keys.get(subtaskId) ?? null) : null;
  };
}
