import { z } from "zod";
import { idPrefixes, lastTask, readTaskPrefix } from "../core/base/id.ts";

/** How a path names a task. The service checks that it exists. */
const taskId = z
  .string()
  .superRefine((text, context) => {
    const message = findIdProblem(text);
    if (message !== null) context.addIssue({ code: "custom", message });
  })
  .meta({
    description: `A task's id, an unambiguous beginning of it (of at least three characters after task_, which may be left out), or "${lastTask}" for the newest task.`,
  });

export const taskParams = z.object({ id: taskId });

function findIdProblem(text: string): string | null {
  if (text === lastTask || readTaskPrefix(text) !== null) return null;
  const shown = JSON.stringify(text.slice(0, 60));
  for (const [kind, prefix] of Object.entries(idPrefixes)) {
    if (kind !== "task" && text.startsWith(prefix)) {
      return `must be the id of a task (task_…); ${shown} is the id of ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`;
    }
  }
  return text.startsWith("task_") && text.length < 8
    ? `is too short: give at least 8 characters of the task's id, not ${shown}`
    : text.startsWith("task_") && text.length > 25
      ? `is too long: the id of a task is task_ and 20 characters, not ${shown}`
      : `must be the id of a task (task_…) or "${lastTask}", not ${shown}`;
}
