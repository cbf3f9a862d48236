import { z } from "zod";
import { idPrefixes } from "../core/base/id.ts";

/** A task id in a path, whole or a prefix. The service checks that it exists. */
const taskId = z
  .string()
  .superRefine((text, context) => {
    const message = findIdProblem(text);
    if (message !== null) context.addIssue({ code: "custom", message });
  })
  .meta({ description: "A task's id, or an unambiguous beginning of at least 8 characters." });

export const taskParams = z.object({ id: taskId });

function findIdProblem(text: string): string | null {
  const shown = JSON.stringify(text.slice(0, 60));
  if (/^task_[0-9a-hjkmnp-tv-z]{3,20}$/.test(text)) return null;
  for (const [kind, prefix] of Object.entries(idPrefixes)) {
    if (kind !== "task" && text.startsWith(prefix)) {
      return `must be the id of a task (task_…); ${shown} is the id of ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`;
    }
  }
  return text.startsWith("task_") && text.length < 8
    ? `is too short: give at least 8 characters of the task's id, not ${shown}`
    : text.startsWith("task_") && text.length > 25
      ? `is too long: the id of a task is task_ and 20 characters, not ${shown}`
      : `must be the id of a task (task_…), not ${shown}`;
}
