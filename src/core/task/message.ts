import { isSubtaskOver, isTaskOver } from "./lifecycle.ts";
import type { Attempt, Subtask, Task } from "./task.ts";

/** Who speaks: a person, checks on a forge that failed, a review there, or the base, which has moved. */
export const voices = ["person", "checks", "review", "base"] as const;
export type Voice = (typeof voices)[number];

/**
 * A message to a task: a comment on its change, or a word to the agent at work. A person's, where nothing
 * else is said.
 */
export type Message = {
  id: string;
  subtaskId: string;
  /** `file:line` for a comment; null for a word. */
  place: string | null;
  text: string;
  /** Of a comment: lines as they were before the change, or as they are; null: not said. */
  side?: "old" | "new" | null;
  /** Absent: a person. */
  voice?: Voice;
  sentAt: Date;
  deliveredAt: Date | null;
  /** The last attempt that got it. */
  deliveredTo: string | null;
  /** The attempt that got it and was merged. */
  doneBy: string | null;
};

export const messageStates = ["pending", "delivered", "done", "answered", "not_done"] as const;
export type MessageState = (typeof messageStates)[number];

/** The message as an agent gets it. */
export function wordsOf(message: Pick<Message, "place" | "side" | "text">): string {
  const { text } = message;
  return message.place === null ? text : `About ${placeOf(message)}: ${text}`;
}

/** What a comment is about, in words. */
export function placeOf({ place, side }: Pick<Message, "place" | "side">): string {
  return side === "old" ? `${place} (as it was before the change)` : `${place}`;
}

/** The state of a message and a clause that explains it to people, from the rows alone. Pure. */
export function followMessage(
  message: Message,
  {
    task,
    subtasks,
    attempts,
  }: { task: Task; subtasks: readonly Subtask[]; attempts: readonly Attempt[] },
): { state: MessageState; detail: string } {
  const subtask = subtasks.find(({ id }) => id === message.subtaskId);
  const key = `"${subtask?.key ?? message.subtaskId}"`;
  const attempt = attempts.find(({ id }) => id === (message.doneBy ?? message.deliveredTo));
  const told = `attempt ${attempt?.number ?? "?"} of ${key}`;
  if (message.doneBy !== null) {
    if (message.place === null || attempt?.commit !== attempt?.baseCommit)
      return { state: "done", detail: `${told} had it and was merged` };
    const words = attempt?.summary ? `: ${attempt.summary}` : "";
    return { state: "answered", detail: `${told} changed nothing because of it${words}` };
  }
  const why = whyNotDone(message, task, subtask);
  if (why !== null) return { state: "not_done", detail: why };
  if (message.deliveredAt !== null) return { state: "delivered", detail: `${told} has it` };
  const waiting =
    !subtask || subtask.state === "completed" ? "the next rework" : "the next attempt";
  return { state: "pending", detail: `${waiting} of ${key} starts with it` };
}

function whyNotDone(message: Message, task: Task, subtask: Subtask | undefined): string | null {
  const isOver = isTaskOver(task.state);
  if (isOver && task.state !== "completed")
    return `the task is ${task.state}${task.endDetail ? `: ${task.endDetail}` : ""}`;
  if (isOver && task.cancelRequestedAt) return "the task was to be cancelled";
  // A comment on finished work becomes a rework; a word is only for work in progress.
  if (message.place === null && subtask && isSubtaskOver(subtask.state))
    return "the work was finished before the message was delivered";
  return isOver ? "the task ended first" : null;
}
