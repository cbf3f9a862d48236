import { optionsOf, type QuestionKind, takesWords } from "../task/question.ts";
import type { Task } from "../task/task.ts";
import { type Risk, riskOf } from "./risk.ts";

/**
 * What a push asks of a person, and what may be done about it from a phone. An ask belongs to one
 * event and is used once; its options are stored with it, so that a button keeps its meaning.
 */
export type Ask = {
  /** Twelve characters, of chance. */
  id: string;
  eventId: string;
  /** Empty: it is about no task (a test push). */
  taskId: string;
  questionId: string | null;
  options: AskOption[];
  expiresAt: Date;
  usedAt: Date | null;
  usedOption: number | null;
  /** In words: "a button of a push". */
  usedBy: string | null;
  /** The id of the message that brought the answer, which may be read again after a crash. */
  usedMessage: string | null;
};

export type AskOption = {
  verb: "answer" | "retry" | "pause" | "accept" | "discard" | "test";
  label: string;
  risk: Risk;
  /** Of an `answer`; null: the person's own words. */
  answer: string | null;
  /** The words are an agent's, which a lock screen shows only where it may show everything. Absent: no. */
  isAgents?: boolean;
};

/** What an answer came with. */
export type AskUse = { option: number; by: string; message: string | null };

/** Buttons of a push lose their force after so long, the page behind it later. */
export const buttonHours = 12;
export const pageDays = 7;

/** What a person may do about an event; none: it is news. Pure. */
export function optionsFor(
  about: { type: string; kind: QuestionKind | null; choices?: readonly string[] },
  task: Pick<Task, "deliveryUrl" | "repository">,
): AskOption[] {
  const option = (verb: AskOption["verb"], risk: Risk): AskOption => ({
    ...{ verb, label: verb, risk, answer: null },
  });
  switch (about.type) {
    case "question.asked":
      return about.kind === null ? [] : answersOf(about.kind, about.choices ?? []);
    case "task.failed":
      return [option("retry", "low")];
    case "plan.revised":
      return [option("pause", "low")];
    case "task.completed":
      // A pull request is merged where it is.
      return task.deliveryUrl === null && task.repository.startsWith("/")
        ? [option("accept", "high"), option("discard", "high")]
        : [];
    default:
      return [];
  }
}

/** What a question of this kind may be answered with, of an agent's with what it offers. Pure. */
export function answersOf(kind: QuestionKind, choices: readonly string[] = []): AskOption[] {
  const isAgents = kind === "question" && choices.length > 0;
  const words = isAgents ? choices : optionsOf[kind];
  return [...words, ...(takesWords(kind) ? [null] : [])].map((answer) => ({
    verb: "answer",
    label: answer ?? "answer in words",
    risk: riskOf(kind, answer),
    answer,
    ...(isAgents && answer !== null ? { isAgents } : {}),
  }));
}

/** What became of an ask that was used. */
export function describeUse({ options, usedAt, usedBy, usedOption }: Ask): string {
  const label = options[usedOption ?? 0]?.label ?? "";
  const at = usedAt ? `${usedAt.toISOString().slice(0, 16).replace("T", " ")} UTC` : "some time";
  return `Already answered: ${label}, at ${at}, by ${usedBy}.`;
}

/** For a button or a page that has outlived its time. */
export function describeExpiry({ questionId, taskId }: Ask, limit: string): string {
  const instead = `deputy ${questionId === null ? "show" : "answer"} ${taskId}`;
  return `Too late, nothing was changed: ${limit} at most. Use ${instead}.`;
}
