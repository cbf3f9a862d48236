import type { Task } from "../../core/task/task.ts";
import { wrapOutsideText } from "../../core/text/data-block.ts";
import type { GithubTrigger } from "./match-github.ts";

/**
 * One subject, one story: what an event means for a subject that a task was about before. Its work
 * is continued, brought up to date or named, and begun anew only where the earlier work was taken,
 * turned down or came to nothing. Pure. A change of words reaches an agent as data, and only from
 * somebody who may write.
 */
export type EarlierTask = {
  task: Pick<
    Task,
    "id" | "state" | "goal" | "agent" | "origin" | "branch" | "deliveryUrl" | "endDetail"
  >;
  /** Whether it came to have subtasks, so that there is work to continue. */
  wasBegun: boolean;
  /** What became of what it delivered. */
  work: DeliveredWork;
};

/** `open`: it waits for a person. `gone`: its branch is not there any more. */
export type DeliveredWork = "none" | "open" | "merged" | "closed" | "gone" | "accepted" | "undone";

export type Story =
  /** `about`: the earlier work in one sentence, for the new task; null: there is none. */
  | { kind: "begin"; about: string | null }
  | { kind: "rework"; text: string }
  | { kind: "retry" }
  /** Nothing is started. */
  | { kind: "name"; result: string };

export function decideStory(
  trigger: Pick<GithubTrigger, "asked" | "isCommit" | "taskInput" | "origin">,
  earlier: EarlierTask | null,
  mayWrite: boolean,
): Story {
  if (earlier === null) return { kind: "begin", about: null };
  const { isCommit, taskInput } = trigger;
  const { task, wasBegun, work } = earlier;
  const where = task.deliveryUrl ?? task.branch;
  // Of one commit there is one repair, however many runs fail on it, and however often.
  if (isCommit) return { kind: "name", result: `${task.id} was about it: ${tell(earlier)}` };
  if (task.state === "failed") {
    const isOther = taskInput.agent !== undefined && taskInput.agent !== task.agent;
    if (!mayWrite || !wasBegun || isOther) return { kind: "begin", about: null };
    const text = whatIsNew(trigger, task);
    return text === null ? { kind: "retry" } : { kind: "rework", text };
  }
  if (task.state !== "completed") return { kind: "begin", about: null };
  if (work !== "open") {
    const about = where === null ? null : `Earlier work on it, ${tell(earlier)}.`;
    return { kind: "begin", about };
  }
  const text = whatIsNew(trigger, task);
  if (text === null)
    return { kind: "name", result: `${task.id} has done it: ${tell(earlier)}; nothing is new` };
  if (!mayWrite)
    return {
      kind: "name",
      result: `${task.id} has done it: ${tell(earlier)}; nobody with write access asks for the change`,
    };
  return { kind: "rework", text };
}

/** What the event asks beyond what the task was told; null: nothing. */
function whatIsNew(
  { asked, origin, taskInput }: Pick<GithubTrigger, "asked" | "taskInput" | "origin">,
  task: EarlierTask["task"],
): string | null {
  const { goal } = taskInput;
  const { outsideText, subject } = origin;
  // A task that was begun anew has a sentence more.
  const isSame = task.goal === goal.trim() || task.goal.startsWith(`${goal.trim()}\n\n`);
  const isChanged = outsideText !== null && outsideText !== task.origin.outsideText;
  const parts = [
    ...(isSame ? [] : [`The goal is now: ${goal.trim()}`]),
    ...(isChanged
      ? [
          `Its text was changed since the work was done. Bring the work in line with what it says now.\n\n${wrapOutsideText(outsideText, subject ?? "GitHub")}`,
        ]
      : []),
    ...(asked === null ? [] : [asked]),
  ];
  return parts.length === 0 ? null : parts.join("\n\n");
}

function tell({ task, work }: EarlierTask): string {
  const { branch, deliveryUrl, endDetail, state } = task;
  if (state !== "completed") return `${state}${endDetail === null ? "" : `, ${endDetail}`}`;
  return `${deliveryUrl ?? `branch ${branch}`}${words[work]}`;
}

const words: Record<DeliveredWork, string> = {
  none: "",
  open: ", which is open",
  merged: ", which was merged",
  closed: ", which was closed without a merge",
  gone: ", which was deleted",
  accepted: ", which was accepted",
  undone: ", which was undone",
};
