import { createHash } from "node:crypto";
import type { QuestionKind } from "./task.ts";

/** A question's text as 64 hex digits: an answer that carries them is about these very words. */
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
 * Whether a decision is asked for again, about something else than the first time (an edited issue,
 * another plan, a higher cap, other files). Then who grants it names the question: a bare "yes" may be an answer
 * to what was shown before.
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

export function isApproval(answer: string): boolean {
  return /^\s*(?:yes|y|approve|approved)[.!]*\s*$/i.test(answer);
}

/** The answer that a question has when it was asked again in other words; the rest says why. */
export const withdrawn = "withdrawn: ";
