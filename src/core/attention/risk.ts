import { optionsOf, type QuestionKind } from "../task/question.ts";

/**
 * `high`: it spends, lets something strange in, or changes a repository, so it is not for a single
 * tap.
 */
export type Risk = "low" | "high";

/** Of an answer. Low: it spends nothing more than was allowed, and nothing is lost by it. */
export function riskOf(kind: QuestionKind, answer: string | null): Risk {
  if (kind === "question") return "low";
  // Words of one's own may say that it ends, too.
  return kind === "stuck" && answer !== null && answer !== "give up" ? "low" : "high";
}

/** Whether the answer that lets the work continue is for more than a single tap. Who paused it knows. */
export function isRisky(kind: QuestionKind): boolean {
  return kind !== "pause" && riskOf(kind, optionsOf[kind]?.[0] ?? null) === "high";
}
