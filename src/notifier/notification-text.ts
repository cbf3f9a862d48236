import { listChoices, readChoices } from "../core/attention/choices.ts";
import type { NotifiedType, Privacy } from "../core/settings/notify-settings.ts";
import type { EventType } from "../core/task/event.ts";
import { optionsOf, type QuestionKind } from "../core/task/question.ts";
import type { Task } from "../core/task/task.ts";
import type { Redact } from "../core/text/redact.ts";
import { type TitledTask, titleOf } from "../core/text/title.ts";
import { decisions, lockScreenName, minimalTitles, nameOf, oneLine } from "./lock-screen-text.ts";

/**
 * The text on a phone, to act on without another look: what ended or is asked, with its answers, in
 * which repository, and the task's id. Others may read the channel, so there is no code, no output and
 * no secret in it; how much else there is, the person chose (`Privacy`).
 */
export type NotificationText = {
  title: string;
  body: string;
  /** ntfy's scale: 1 to 5, 3 is the default. */
  priority: number;
  /** ntfy's emoji short codes. */
  tags: string[];
};

const looks = {
  "task.completed": { word: "Done", priority: 3, tags: ["white_check_mark"] },
  "task.failed": { word: "Failed", priority: 4, tags: ["x"] },
  /** Delivered, and its forge will not have it: nothing more happens by itself. */
  "task.needs_person": { word: "Needs you", priority: 4, tags: ["raised_hand"] },
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
  event: NotifiedEvent,
  task: Pick<Task, "id" | "repository"> & TitledTask,
  redact: Redact = (text) => text,
  privacy: Privacy = "full",
): NotificationText | null {
  if (!isNotified(event.type)) return null;
  const look = looks[event.type];
  if (privacy !== "full") return coveredText(event, event.type, task, redact, privacy);
  const plain = (text: string, max: number) => shorten(oneLine(withoutCode(redact(text))), max);
  const called = plain(titleOf(task, redact), maxTitle - look.word.length - 2);
  const where = plain(`${nameOf(task.repository)} · ${task.id}`, maxBody);
  const asked = readQuestion(event);
  const body = asked
    ? [
        cutQuestion(manyLines(withoutCode(redact(asked.text))), task.id),
        describeAnswers({ ...asked, choices: asked.choices.map(redact) }, task.id),
      ]
    : [plain(withoutWord(event.message), maxBody)];
  return {
    title: `${look.word}: ${called}`,
    body: [...body, where].filter(Boolean).join("\n"),
    priority: look.priority,
    tags: [...look.tags],
  };
}

/** Of an event and its task, without words of agents and strangers. */
function coveredText(
  event: NotifiedEvent,
  type: NotifiedType,
  task: Pick<Task, "id" | "repository"> & TitledTask,
  redact: Redact,
  privacy: "title" | "minimal",
): NotificationText {
  const { priority, tags, word } = looks[type];
  const name = lockScreenName(task, privacy, redact);
  const look = { priority, tags: [...tags] };
  if (name === null) return { ...look, title: minimalTitles[type], body: task.id };
  const asked = readQuestion(event);
  const what = asked && decisions[asked.kind as QuestionKind];
  const body = [
    what ?? "",
    asked ? describeAnswers({ ...asked, choices: [] }, task.id, asked.choices.length) : "",
    `${nameOf(task.repository)} · ${task.id}`,
  ];
  return {
    ...look,
    title: shorten(`${word}: ${oneLine(name)}`, maxTitle),
    body: body.filter(Boolean).join("\n"),
  };
}

export function isNotified(type: string): type is NotifiedType {
  return Object.hasOwn(looks, type);
}

/** Drops fenced blocks and long spans between backticks; a short one is a name and stays. */
function withoutCode(text: string): string {
  return text
    .replace(/(```|~~~)[\s\S]*?(?:\1|$)/g, " [code] ")
    .replace(/`([^`\n]*)`/g, (_, inside: string) => (inside.length > 60 ? "[code]" : inside));
}

/** Lines stay, because a plan is a list; runs of blanks and of empty lines do not. */
function manyLines(text: string): string {
  const lines = text.split("\n").map(oneLine);
  return lines
    .filter((line, at) => line !== "" || (lines[at - 1] ?? "") !== "")
    .join("\n")
    .trim();
}

/** The title says the word already. */
function withoutWord(message: string): string {
  return message.replace(/^(?:Completed|Failed|Question|Plan changed|A person is needed):\s+/, "");
}

/** `covered`: how many choices an agent offers in words that are not to be shown. */
function describeAnswers({ choices, options }: Asked, taskId: string, covered = 0): string {
  if (choices.length > 0)
    return `Answer ${listChoices(choices.map(oneLine))}: deputy answer ${taskId} 1`;
  if (covered > 0) return `Choose one of ${covered} answers: deputy show ${taskId}`;
  const [first] = options;
  if (first === undefined) return `Answer: deputy answer ${taskId} TEXT`;
  const words = options.map((one) => `"${one}"`).join(" or ");
  return `Answer ${words}: deputy answer ${taskId} "${first}"`;
}

export type Asked = {
  id: string | null;
  kind: string;
  text: string;
  /** The words that such a question takes. */
  options: readonly string[];
  /** What its agent offers, in its words. */
  choices: readonly string[];
};
export type NotifiedEvent = { type: EventType; message: string; data?: Record<string, unknown> };

/** What a person is asked by an event; null: nothing. */
export function readQuestion({ data = {}, message, type }: NotifiedEvent): Asked | null {
  if (type !== "question.asked") return null;
  const word = (value: unknown) => (typeof value === "string" ? value : null);
  const kind = word(data.kind) ?? "question";
  return {
    id: word(data.question_id),
    kind,
    text: word(data.question) ?? withoutWord(message),
    options: optionsOf[kind as QuestionKind] ?? [],
    choices: readChoices(data.choices),
  };
}

function cutQuestion(text: string, taskId: string): string {
  const left = [...text].length - maxQuestion;
  if (left <= 0) return text;
  return `${shorten(text, maxQuestion)} [cut here, ${left} more characters: deputy show ${taskId}]`;
}

function shorten(text: string, max: number): string {
  const characters = [...text];
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join("")}…`;
}
