import { open } from "node:fs/promises";
import { DeputyError } from "../../core/base/error.ts";
import type { TaskDetail } from "../../core/task/task-detail.ts";

/**
 * The last `maxBytes` of the log of an attempt; `number` null: the latest.
 * @throws DeputyError if there is no such attempt, or its log was removed.
 */
export async function readLog(
  { task, attempts }: TaskDetail,
  number: number | null,
  maxBytes: number,
): Promise<string> {
  const attempt =
    number === null
      ? attempts.at(-1)
      : attempts.findLast((candidate) => candidate.number === number);
  if (!attempt) {
    throw new DeputyError(
      "not_found",
      number === null
        ? `${task.id} has no attempt yet, so it has no log.`
        : `${task.id} has no attempt ${number}.`,
      {
        field: "attempt",
      },
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
