import { createHash } from "node:crypto";

/** A question's kind decides which answers it accepts. `stuck`: recovery has nothing left to try. */
export const questionKinds = [
  "question",
  "approval",
  "plan",
  "review",
  "judges",
  "pause",
  "budget",
  "permission",
  "stuck",
] as const;
export type QuestionKind = (typeof questionKinds)[number];

/** The answers of a word or two that a question of this kind takes; the first lets the work continue. */
export const optionsOf: Record<QuestionKind, readonly string[]> = {
  approval: ["yes", "no"],
  plan: ["approve", "cancel"],
  budget: ["yes", "no"],
  permission: ["yes", "no"],
  judges: ["accept", "without"],
  pause: ["yes"],
  stuck: ["retry", "give up"],
  question: [],
  review: [],
};

/** Whether a person may also answer in words of their own: with changes to a plan, or another amount. */
export function takesWords(kind: QuestionKind): boolean {
  return optionsOf[kind].length === 0 || ["plan", "budget", "stuck"].includes(kind);
}

/** SHA-256 of a question's text in hex: an answer that carries it refers to exactly this text. */
export function hashQuestion(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

type Asked = { id: string; kind: string; subtaskId: string | null; text: string; askedAt: Date };

const decisions: readonly string[] = [
  "approval",
  "plan",
  "budget",
  "judges",
] satisfies readonly QuestionKind[];

/**
 * Whether a decision is asked for again about something else (an edited issue, another plan, a
 * higher cap, other files). The answer then has to name the question: a bare "yes" may refer to
 * what was shown before.
 */
export function isAskedAgain(question: Asked, all: readonly Asked[]): boolean {
  return (
    decisions.includes(question.kind) &&
    all.some(
      ({ id, kind, subtaskId, text, askedAt }) =>
        id !== question.id &&
        text !== question.text &&
        kind === question.kind &&
        subtaskId === question.subtaskId &&
        askedAt <= question.askedAt,
    )
  );
}

/** "yes" with words that add nothing; "yes, but …" is no approval. */
export function isApproval(answer: string): boolean {
  return /^\s*(?:yes|y|approved?)(?:[\s,]+(?:please|do it|go ahead))*[.!]*\s*$/i.test(answer);
}

/**
 * Prefix of the answer recorded for a question that was asked again in other words; the rest says
 * why.
 */
export const withdrawn = "withdrawn: ";
