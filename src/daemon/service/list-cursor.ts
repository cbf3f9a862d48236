import { DeputyError } from "../../core/base/error.ts";
import { isId } from "../../core/base/id.ts";

/** The place in a list of tasks where the next page begins, as text that a client sends back. */
export type Position = { createdAt: string; id: string };

export function writeCursor(position: Position): string {
  return Buffer.from(JSON.stringify([position.createdAt, position.id])).toString("base64url");
}

/** @throws DeputyError for a text that `writeCursor` did not write. */
export function readCursor(text: string): Position {
  const refused = new DeputyError(
    "invalid_input",
    "The cursor did not come from this server; use next_cursor of the previous page.",
    { field: "cursor" },
  );
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (!Array.isArray(value) || value.length !== 2) throw refused;
    const [createdAt, id] = value as unknown[];
    if (
      typeof createdAt !== "string" ||
      !isTimestamp(createdAt) ||
      typeof id !== "string" ||
      !isId("task", id)
    )
      throw refused;
    return { createdAt, id };
  } catch {
    throw refused;
  }
}

/** As PostgreSQL writes one; what cannot be read of a row has its place in a list, too. */
function isTimestamp(text: string): boolean {
  if (/^-?infinity$/.test(text)) return true;
  const plain = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?$/.test(text);
  const isFar = /^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?( BC)?$/.test(text);
  return plain ? !Number.isNaN(Date.parse(text)) : isFar;
}
