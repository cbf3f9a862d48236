import { type FileHandle, open } from "node:fs/promises";
import { DeputyError } from "../../core/base/error.ts";
import type { LogPart, LogRange } from "../../core/page/log-part.ts";
import type { Attempt } from "../../core/task/task.ts";
import type { LogQuery, TaskDetail } from "../../core/task/task-detail.ts";
import { findCut, findEnd, readAt } from "./log-cuts.ts";

type Found = Pick<TaskDetail, "attempts" | "subtasks" | "task">;
type Which = Pick<LogQuery, "attempt" | "subtask">;

/**
 * The attempt with this number or the latest one, of the subtask with this key or of any. Each subtask
 * counts its own attempts.
 * @throws DeputyError if there is no such subtask or attempt.
 */
export function findAttempt(
  { task, attempts, subtasks }: Found,
  { attempt: number, subtask: key }: Which,
): Attempt {
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
  if (attempt) return attempt;
  const who = subtask ? `"${subtask.key}" of ${task.id}` : task.id;
  throw new DeputyError(
    "not_found",
    number === null
      ? `${who} has no attempt yet, so it has no log.`
      : `${who} has no attempt ${number}.`,
    { field: "attempt" },
  );
}

/**
 * The last `maxBytes` of the log of an attempt, and what leads up to them from the last cut.
 * @throws DeputyError if there is no such attempt, or its log was removed.
 */
export async function readLog(found: Found, query: LogQuery): Promise<string> {
  const { maxBytes } = query;
  const path = findLog(found, query).logPath;
  const read = async (file: FileHandle) => {
    const { size } = await file.stat();
    const from = await findCut(file, Math.max(0, size - maxBytes));
    return readAt(file, from, size - from);
  };
  return ((await inLog(path, read)) ?? Buffer.alloc(0)).toString("utf8");
}

/**
 * A part of the log, and how long it is by now. It begins and ends at cuts, so that nobody can have a
 * secret cut in two, of which no half is known as one; a line that is still being written comes once it
 * is whole.
 */
export async function readLogPart(found: Found, query: Which & LogRange): Promise<LogPart> {
  const { bytes, from } = query;
  const attempt = findLog(found, query);
  const ended = attempt.endedAt !== null;
  const read = async (file: FileHandle): Promise<LogPart> => {
    const { size: total } = await file.stat();
    // A negative place counts from the end.
    const wanted = from < 0 ? Math.max(0, total + from) : Math.min(from, total);
    if (wanted === total) return { text: "", from: total, to: total, total, ended };
    const start = await findCut(file, wanted);
    const most = Math.min(bytes, total - wanted);
    const cut = await findEnd(file, { start, wanted: wanted + most, total });
    const isLast = wanted + most >= total || cut === start;
    const end = isLast && ended ? total : cut;
    const text = (await readAt(file, start, end - start)).toString("utf8");
    return { text, from: start, to: end, total, ended };
  };
  return (await inLog(attempt.logPath, read)) ?? { text: "", from: 0, to: 0, total: 0, ended };
}

function findLog(found: Found, which: Which): Attempt {
  const attempt = findAttempt(found, which);
  const { prunedAt, id } = found.task;
  if (prunedAt === null || attempt.startedAt >= prunedAt) return attempt;
  throw new DeputyError(
    "not_found",
    `The log of attempt ${attempt.number} of ${id} was removed on ${prunedAt.toISOString().slice(0, 10)}: logs are kept only for a time (retention_days in config.yaml).`,
    { field: "attempt" },
  );
}

/** Null: nothing was written yet. */
async function inLog<T>(path: string | null, read: (file: FileHandle) => Promise<T>) {
  if (path === null) return null;
  try {
    const file = await open(path, "r");
    try {
      return await read(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
