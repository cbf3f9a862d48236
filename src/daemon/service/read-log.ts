import { type FileHandle, open } from "node:fs/promises";
import { DeputyError } from "../../core/base/error.ts";
import type { LogPart, LogRange } from "../../core/page/log-part.ts";
import type { Attempt } from "../../core/task/task.ts";
import type { LogQuery, TaskDetail } from "../../core/task/task-detail.ts";

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
 * The last `maxBytes` of the log of an attempt.
 * @throws DeputyError if there is no such attempt, or its log was removed.
 */
export async function readLog(found: Found, query: LogQuery): Promise<string> {
  const { maxBytes } = query;
  const path = findLog(found, query).logPath;
  const read = async (file: FileHandle) => {
    const { size } = await file.stat();
    return readAt(file, Math.max(0, size - maxBytes), Math.min(size, maxBytes));
  };
  return ((await inLog(path, read)) ?? Buffer.alloc(0)).toString("utf8");
}

/**
 * A part of the log, and how long it is by now. It ends with a whole line where it holds one, so that no
 * secret is cut in two and missed; a line that is still being written comes once it is whole.
 */
export async function readLogPart(found: Found, query: Which & LogRange): Promise<LogPart> {
  const { bytes, from } = query;
  const attempt = findLog(found, query);
  const ended = attempt.endedAt !== null;
  const read = async (file: FileHandle): Promise<LogPart> => {
    const { size: total } = await file.stat();
    // A negative place counts from the end.
    const wanted = from < 0 ? Math.max(0, total + from) : Math.min(from, total);
    const part = await readAt(file, wanted, Math.min(bytes, total - wanted));
    const start = from < 0 && wanted > 0 ? firstLine(part) : firstCharacter(part);
    const isLast = wanted + part.length >= total;
    const end = Math.max(start, isLast && ended ? part.length : lastEnd(part, start, isLast));
    const text = part.subarray(start, end).toString("utf8");
    return { text, from: wanted + start, to: wanted + end, total, ended };
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

async function readAt(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  return buffer.subarray(0, bytesRead);
}

const isInside = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;

function firstLine(part: Buffer): number {
  const at = part.indexOf("\n");
  return at < 0 ? firstCharacter(part) : at + 1;
}

/** Where whole lines end; in a line that is longer than the part, its last character. */
function lastEnd(part: Buffer, start: number, isLast: boolean): number {
  const line = part.lastIndexOf("\n") + 1;
  if (line > start) return line;
  return isLast ? start : afterLastCharacter(part);
}

/** Where the first character begins: UTF-8 has at most three bytes inside one. */
function firstCharacter(part: Buffer): number {
  let at = 0;
  while (at < 3 && isInside(part[at])) at++;
  return at;
}

/** Behind the last character that is whole. */
function afterLastCharacter(part: Buffer): number {
  for (let back = 1; back <= Math.min(4, part.length); back++) {
    const byte = part[part.length - back] ?? 0;
    if (isInside(byte)) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? part.length - back : part.length;
  }
  return part.length;
}
