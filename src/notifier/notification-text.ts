import type { EventType } from "../core/task/event.ts";
import type { Task } from "../core/task/task.ts";
import type { Redact } from "../core/text/redact.ts";
import { type TitledTask, titleOf } from "../core/text/title.ts";

/**
 * The text on a phone. Others may read the channel, so it says in a few words what ended or is
 * asked and what it was about: no code, no output, no secrets.
 */
export type NotificationText = {
  title: string;
  body: string;
  /** ntfy's scale: 1 to 5, 3 is the default. */
  priority: number;
  /** ntfy's emoji short codes. */
  tags: string[];
};

type NotifiedType = "task.completed" | "task.failed" | "question.asked" | "plan.revised";

const looks = {
  "task.completed": { word: "Done", priority: 3, tags: ["white_check_mark"] },
  "task.failed": { word: "Failed", priority: 4, tags: ["x"] },
  /** Only where recovery planned anew: what agents add to a plan wakes nobody. */
  "plan.revised": { word: "Plan changed", priority: 2, tags: ["twisted_rightwards_arrows"] },
  "question.asked": { word: "Needs an answer", priority: 4, tags: ["question"] },
} as const satisfies Record<
  NotifiedType,
  { word: string; priority: number; tags: readonly string[] }
>;

const maxTitle = 120;
const maxBody = 300;
/** A question carries what a person is to decide on, as far as a channel allows. */
const maxQuestion = 1_500;

/** Null for an event without notification. */
export function notificationText(
  event: { type: EventType; message: string },
  task: Pick<Task, "id"> & TitledTask,
  redact: Redact = (text) => text,
): NotificationText | null {
  const look = Object.hasOwn(looks, event.type) ? looks[event.type as NotifiedType] : null;
  if (!look) return null;
  const plain = (text: string, max: number) => shorten(oneLine(withoutCode(redact(text))), max);
  const called = plain(titleOf(task, redact), maxTitle - look.word.length - 2);
  return {
    title: `${look.word}: ${called}`,
    body: withNotice(plain(event.message, Number.POSITIVE_INFINITY), task.id, event.type),
    priority: look.priority,
    tags: [...look.tags],
  };
}

/** Drops fenced blocks and long spans between backticks; a short one is a name and stays. */
function withoutCode(text: string): string {
  return text
    .replace(/(```|~~~)[\s\S]*?(?:\1|$)/g, " [code] ")
    .replace(/`([^`\n]*)`/g, (_, inside: string) => (inside.length > 60 ? "[code]" : inside));
}

function oneLine(text: string): string {
  return text
    .replace(/[\s\p{Cc}]+/gu, " ")
    .replace(/[\p{Cf}\p{Cs}]/gu, "")
    .trim();
}

function withNotice(text: string, taskId: string, type: EventType): string {
  if (text === "") return taskId;
  if (type !== "question.asked") return shorten(text, maxBody);
  const left = [...text].length - maxQuestion;
  if (left <= 0) return text;
  return `${shorten(text, maxQuestion)} [cut here, ${left} more characters: deputy show ${taskId}]`;
}

function shorten(text: string, max: number): string {
  const characters = [...text];
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join("")}…`;
}
