import { DeputyError } from "../../core/base/error.ts";
import { isBudgetRefusal } from "../../core/budget/budget.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import { isAcceptance } from "../../core/review/review.ts";
import { hashQuestion, isApproval, isAskedAgain, withdrawn } from "../../core/task/question.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import type { Question } from "../../core/task/task-detail.ts";

/**
 * The question that an answer is for; null: the only open one. `hash` is that of the question's
 * text.
 */
type AnswerTo = { answer: string; questionId: string | null; hash: string | null };

/**
 * The open question that an answer is for. The first valid answer counts; a later one, or one to an
 * outdated text, throws a DeputyError that says what happened meanwhile.
 */
export async function findQuestion(
  ledger: TaskLedger,
  task: Task,
  subtasks: readonly Subtask[],
  { answer, questionId, hash }: AnswerTo,
): Promise<Question> {
  const all = await ledger.listQuestions(task.id);
  // A question of a cancelled subtask has no one left to receive the answer.
  const asking = [task, ...subtasks].map(({ hold }) => hold);
  const open = all.filter(
    ({ answeredAt, id }) =>
      answeredAt === null &&
      asking.some((hold) => hold?.kind === "question" && hold.questionId === id),
  );
  // `resume` ends a pause, so an answer is meant for another open question, if there is one.
  const others = open.filter(({ kind }) => kind !== "pause");
  const meant = others.length > 0 ? others : open;
  const question = questionId ? open.find(({ id }) => id === questionId) : meant[0];
  if (!question) throw explainNone(task, all, questionId);
  if (!questionId && meant.length > 1) {
    const ids = meant.map(({ id }) => id).join(", ");
    throw conflict(`${task.id} has ${meant.length} open questions; name one: ${ids}.`);
  }
  if (hash !== null && hash !== hashQuestion(question.text)) {
    throw conflict(
      `What ${task.id} asks is not what the answer is about: ${describePast(all, question)}read ${question.id} with deputy show ${task.id}, and answer again.`,
    );
  }
  if (!questionId && isGrant(question.kind, answer) && isAskedAgain(question, all)) {
    throw conflict(
      `${task.id} has asked this before, about something else: ${describePast(all, question)}read ${question.id} with deputy show ${task.id}, and name it in the answer (--question ${question.id}).`,
    );
  }
  return question;
}

/** A refusal or a request for changes is safe even if the text has changed since. */
function isGrant(kind: Question["kind"], answer: string): boolean {
  if (kind === "judges") return isAcceptance(answer);
  return kind === "budget" ? !isBudgetRefusal(answer) : isApproval(answer);
}

/** With two concurrent answers, the second one is told the first, or why the question is gone. */
function explainNone(task: Task, all: readonly Question[], questionId: string | null): DeputyError {
  const ended = all.filter(({ answeredAt }) => answeredAt !== null);
  if (questionId === null) {
    const last = ended.toSorted((a, b) => Number(a.answeredAt) - Number(b.answeredAt)).at(-1);
    const known = last ? `; the last one, ${last.id}, ${describeEnd(last)}` : "";
    return conflict(`${task.id} is not waiting for an answer${known}.`, {});
  }
  const named = ended.find(({ id }) => id === questionId);
  const known = named ? `; it ${describeEnd(named)}` : "";
  return conflict(`${task.id} has no open question ${questionId}${known}.`);
}

/** How the previous question of this kind ended. */
function describePast(all: readonly Question[], { id, kind }: Question): string {
  const before = all.findLast((one) => one.kind === kind && one.id !== id && one.answer !== null);
  return before ? `${before.id} ${describeEnd(before)}; ` : "";
}

function describeEnd({ answer, answeredAt }: Question): string {
  return answer?.startsWith(withdrawn)
    ? `was withdrawn, because ${answer.slice(withdrawn.length)}`
    : `was answered at ${answeredAt?.toISOString()}: "${(answer ?? "").slice(0, 200)}"`;
}

function conflict(message: string, details: { field?: string } = { field: "question_id" }) {
  return new DeputyError("conflict", message, details);
}
