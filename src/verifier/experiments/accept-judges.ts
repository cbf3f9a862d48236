import { isWithout } from "../../core/proof/judge-words.ts";
import type { JudgeChange } from "../../core/proof/verdict.ts";
import { isAcceptance, isReviewAgain } from "../../core/review/review.ts";
import type { Claim } from "../../core/task/outcome.ts";
import type { QuestionKind } from "../../core/task/question.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import type { Db } from "../../store/database/schema.ts";
import { listQuestions } from "../../store/tasks/questions.ts";
import { listAttempts, listSubtasks } from "../../store/tasks/tasks.ts";
import { assuranceOf } from "../review/review-change.ts";
import type { ReviewDeps } from "../review/review-round.ts";
import { acceptByWords, type Grounds, wordsOf } from "./accept-by-words.ts";
import { type AskJudges, askAboutOpen } from "./ask-judges.ts";

/**
 * Finds who accepted each changed judge file: first by the words at hand, then by a reviewer where
 * one reads the work at all. A person is asked about the rest (recovery/).
 */
export type AcceptJudges = {
  db: Db;
  /** The reviewers that may be asked; left out: none. */
  review?: ReviewDeps | undefined;
  claim: Claim;
  task: Task;
  subtask: Subtask;
  commit: string;
  place: AskJudges["place"];
};

/** @throws HeldUp when a reviewer has to be waited for. */
export async function acceptJudges(
  judges: readonly JudgeChange[],
  { claim, commit, db, place, review, subtask, task }: AcceptJudges,
): Promise<JudgeChange[]> {
  if (judges.length === 0) return [];
  const subtasks = await listSubtasks(db, task.id);
  const answers = await listAnswers(db, task, subtask);
  const grounds: Grounds = { task, subtask, subtasks, answers };
  const plain = acceptByWords(judges, grounds);
  if (!review || assuranceOf(review, task, subtask) === "quick") return plain;
  const attempts = await listAttempts(db, { subtaskId: subtask.id });
  const attempt = attempts.find(({ id }) => id === claim.attemptId);
  if (!attempt) return plain;
  const words = wordsOf(grounds);
  const about = { db, deps: review, task, subtask, attempt, words, commit, place };
  const asked = await askAboutOpen(plain, about);
  if (asked.note !== null) await review.report(claim, asked.note, { step: "review" });
  return asked.judges;
}

/** Agents may answer agents' questions; only a person answers questions about the work. */
async function listAnswers(db: Db, task: Task, subtask: Subtask): Promise<string[]> {
  const questions = await listQuestions(db, task.id);
  return questions.flatMap(({ answer, kind, subtaskId }) =>
    answer !== null && subtaskId === subtask.id && aboutWork.has(kind) && !isDecision(answer)
      ? [answer]
      : [],
  );
}

const aboutWork: ReadonlySet<QuestionKind> = new Set<QuestionKind>(["judges", "review"]);

function isDecision(answer: string): boolean {
  return isAcceptance(answer) || isWithout(answer) || isReviewAgain(answer);
}
