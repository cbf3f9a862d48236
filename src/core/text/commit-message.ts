import type { Subtask, Task } from "../task/task.ts";
import { makeInert } from "./inert-text.ts";
import type { Redact } from "./redact.ts";

/**
 * The message of an attempt's commit. It is published with the commit, so it must not contain
 * secrets, mentions or forged trailers.
 */
export function commitMessage(
  { id }: Pick<Task, "id">,
  { key, title }: Pick<Subtask, "key" | "title">,
  summary: string | null,
  redact: Redact,
): string {
  const inert = (text: string) => makeInert(redact(text));
  const body = summary ? `\n\n${inert(summary.slice(0, 4_000))}` : "";
  return `${inert(title).replaceAll("\n", " ")}${body}\n\nDeputy-Task: ${id}\nDeputy-Subtask: ${key}`;
}

/** Where the mirror keeps an attempt's commit. */
export function attemptRef(attemptId: string): string {
  return `refs/deputy/attempts/${attemptId}`;
}
