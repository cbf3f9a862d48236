import { DeputyError } from "../../core/base/error.ts";
import { isId } from "../../core/base/id.ts";
import { type TaskSort, taskSorts } from "../../core/page/task-list.ts";
import type { Place } from "../../store/tasks/list-tasks.ts";

/** The place in a list of tasks where the next page begins, as text that a client sends back. */
export function writeCursor({ id, key }: Place, sort: TaskSort): string {
  return Buffer.from(JSON.stringify([sort, key, id])).toString("base64url");
}

/** @throws DeputyError for a text that `writeCursor` did not write, or wrote of another order. */
export function readCursor(text: string, wanted: TaskSort): Place {
  const place = parse(text);
  if (place === null)
    throw refuse("The cursor did not come from this server; use next_cursor of the previous page.");
  if (place.sort !== wanted)
    throw refuse(`The cursor is of the order "${place.sort}", not of "${wanted}"; start anew.`);
  return place;
}

function parse(text: string): (Place & { sort: TaskSort }) | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (!Array.isArray(value) || value.length !== 3) return null;
    const [name, key, id] = value as unknown[];
    const sort = taskSorts.find((known) => known === name);
    if (!sort || typeof key !== "string" || typeof id !== "string" || !isId("task", id))
      return null;
    return (sort === "cost" ? /^\d{1,20}(\.\d{1,40})?$/.test(key) : isTimestamp(key))
      ? { sort, key, id }
      : null;
  } catch {
    return null;
  }
}

function refuse(sentence: string): DeputyError {
  return new DeputyError("invalid_input", sentence, { field: "cursor" });
}

/** As PostgreSQL writes one; what cannot be read of a row has its place in a list, too. */
function isTimestamp(text: string): boolean {
  if (/^-?infinity$/.test(text)) return true;
  const plain = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?$/.test(text);
  const isFar = /^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?( BC)?$/.test(text);
  return plain ? !Number.isNaN(Date.parse(text)) : isFar;
}
