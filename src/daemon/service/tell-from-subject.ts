import { DeputyError } from "../../core/base/error.ts";
import type { Task } from "../../core/task/task.ts";
import { wrapOutsideText } from "../../core/text/data-block.ts";
import { commentOnTask, sayToTask } from "../../orchestrator/commands/steer.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";

/** Of an issue or a pull request; `text`: its own text as it is now. */
type Words = { kind: "text" | "comment"; text: string };

/**
 * New words about what an active task is for, from somebody who may write, on their way to its agents:
 * as data. A changed text is kept as a comment is, until an attempt that had it is merged; a remark goes
 * to the agents that work on it. Returns the result; null: the task has no part yet, or is over.
 */
export async function tellFromSubject(
  deps: AdvanceDeps,
  { id, origin }: Pick<Task, "id" | "origin">,
  { subject, what, words }: { subject: string; what: string; words: Words },
  key: string,
): Promise<string | null> {
  if (words.kind === "text" && words.text === origin.outsideText)
    return "ignored: its text is unchanged";
  const data = wrapOutsideText(words.text, subject);
  const idempotency = { key, bodyHash: "github" };
  const send = () => {
    if (words.kind === "comment") {
      const text = `${what}, which this work is about. Heed what bears on the work.\n\n${data}`;
      return sayToTask(deps, id, text, null, idempotency);
    }
    const text = `Its text was changed while you work. Bring the work in line with what it says now.\n\n${data}`;
    const place = origin.replyTo ?? subject;
    const set = { origin: { ...origin, outsideText: words.text } };
    return commentOnTask(deps, id, { place, text }, null, idempotency, set);
  };
  try {
    return `told: ${(await send()).when}`;
  } catch (error) {
    if (error instanceof DeputyError && error.code === "conflict") return null;
    throw error;
  }
}
