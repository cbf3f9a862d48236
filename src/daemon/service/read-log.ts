import { open } from "node:fs/promises";
import { DeputyError } from "../../core/base/error.ts";
import type { LogQuery, TaskDetail } from "../../core/task/task-detail.ts";

/**
 * The last `maxBytes` of the log of an attempt, by its number or the latest one, of the subtask with
 * this key or of any. Each subtask counts its own attempts.
 * @throws DeputyError if there is no such subtask or attempt, or its log was removed.
 */
export async function readLog(
  { task, attempts, subtasks }: Pick<TaskDetail, "attempts" | "subtasks" | "task">,
  { attempt: number, maxBytes, subtask: key }: LogQuery,
): Promise<string> {
  const subtask = subtasks.find((candidate) => candidate.key === key);
  if (key !== null && !subtask) {
    const keys = subtasks.map((known) => `"${known.key}"`).join(", ") || "none yet";
    throw new DeputyError(
      "not_found",
      `${task.id} has no subtask "${key}"; its subtasks: ${keys}.`,
      { field: "subtask" },
    );
  }
  const attempt = attempts.findLast(
    (candidate) =>
      (!subtask || candidate.subtaskId === subtask.id) &&
      (number === null || candidate.number === number),
  );
  if (!attempt) {
    const who = subtask ? `"${subtask.key}" of ${task.id}` : task.id;
    throw new DeputyError(
      "not_found",
      number === null
        ? `${who} has no attempt yet, so it has no log.`
        : `${who} has no attempt ${number}.`,
      { field: "attempt" },
    );
  }
  if (task.prunedAt && attempt.startedAt < task.prunedAt) {
    throw new DeputyError(
      "not_found",
      `The log of attempt ${attempt.number} of ${task.id} was removed on ${task.prunedAt.toISOString().slice(0, 10)}: logs are kept only for a time (retention_days in config.yaml).`,
      { field: "attempt" },
    );
  }
  return attempt.logPath ? readTail(attempt.logPath, maxBytes) : "";
}

async function readTail(path: string, maxBytes: number): Promise<string> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - maxBytes);
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(Math.min(size, maxBytes)),
        0,
        Math.min(size, maxBytes),
        start,
      );
      return buffer.subarray(0, bytesRead).toString("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
