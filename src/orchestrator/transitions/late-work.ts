import { newId } from "../../core/base/id.ts";
import { findLateWork } from "../../core/ledger/late-work.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import { isSubtaskOver } from "../../core/task/lifecycle.ts";
import type { Claim } from "../../core/task/outcome.ts";
import type { QuestionKind } from "../../core/task/question.ts";
import type { Attempt, DoneReport, Subtask, Task } from "../../core/task/task.ts";
import type { Announce } from "./announce.ts";
import { doneAttempt, endAttempt } from "./end-attempt.ts";
import { settle } from "./settle.ts";
import { waitForSlot } from "./stage-retry.ts";

/**
 * An attempt that was given up may finish after all: its process was stopped for a while, or cut off.
 * Its executor then writes a report on the attempt's own row (`reportDone`), which changes nothing else.
 * The next claim of the subtask finds that report, and has the work verified in place of a new attempt.
 * Once a person is asked about the work of a later attempt, the report is dropped: the answer is about
 * that attempt.
 */
const aboutWork: ReadonlySet<QuestionKind> = new Set([
  "question",
  "permission",
  "review",
  "judges",
]);

/** Tells of a late report, and brings the subtask to where it is taken up, if nobody works on it. */
export async function noteLate(
  ledger: TaskLedger,
  announce: Announce,
  { task, subtasks }: { task: Task; subtasks: readonly Subtask[] },
  { attemptId, subtaskId }: Pick<Claim, "attemptId" | "subtaskId">,
): Promise<void> {
  const attempt = attemptId ? await ledger.getAttempt(attemptId) : null;
  if (!attempt?.report || !(await ledger.noteReport(attempt.id))) return;
  const subtask = subtasks.find(({ id }) => id === subtaskId);
  // Nobody wants it any more; the snapshot stays.
  if (!subtask || isSubtaskOver(subtask.state)) return;
  const question = await findQuestionOf(ledger, task, subtask);
  const isAbout = question !== undefined && aboutWork.has(question.kind);
  if (isAbout) await ledger.takeReport(attempt.id);
  const isWanted = !isAbout && !task.cancelRequestedAt && findLateWork(subtask, [attempt]) !== null;
  const latest = await ledger.getLatestAttempt(subtask.id);
  const then = !isWanted
    ? "its work is kept, but not used: the subtask went on without it"
    : subtask.state === "running"
      ? `its work is kept, and is verified if attempt ${latest?.number} fails`
      : "its work is verified before another attempt is made";
  await ledger.appendEvent(task.id, {
    type: "attempt.finished_late",
    message: `Attempt ${attempt.number} of "${subtask.title}" finished after it was given up: ${then}`,
    data: { number: attempt.number, key: subtask.key, commit: attempt.report.commit },
    subtaskId: subtask.id,
    attemptId: attempt.id,
  });
  if (!isWanted) return;
  if (subtask.state === "ready" && subtask.hold?.kind === "wake") {
    await ledger.moveSubtask(subtask, "ready", waitForSlot("execute"));
    await ledger.wakeStage("execute", task.id, subtask.id);
  }
  if (question?.kind !== "stuck") return;
  await withdrawHelp(ledger, task, subtask, question.id);
  await settle(ledger, task.id, announce);
}

/** What it waits for, if a person was asked about it. */
async function findQuestionOf(ledger: TaskLedger, task: Task, { hold, state }: Subtask) {
  if (state !== "waiting" || hold?.kind !== "question") return undefined;
  const open = await ledger.listOpenQuestions(task.id);
  return open.find(({ id }) => id === hold.questionId);
}

/** A later attempt asks a person about its own work: that of earlier ones is not wanted any more. */
export async function dropLate(
  ledger: TaskLedger,
  subtask: Subtask,
  asks: QuestionKind,
): Promise<void> {
  if (!aboutWork.has(asks)) return;
  for (const { id } of await ledger.listReported([subtask.id])) await ledger.takeReport(id);
}

/** A person was asked because nothing else was left: now something is. */
async function withdrawHelp(
  ledger: TaskLedger,
  task: Task,
  subtask: Subtask,
  questionId: string,
): Promise<void> {
  const answer = "withdrawn: an earlier attempt finished after all";
  await ledger.setAnswer(questionId, answer);
  await ledger.appendEvent(task.id, {
    type: "question.answered",
    message: `The question was ${answer}`,
    data: { question_id: questionId, answer },
    subtaskId: subtask.id,
  });
  await ledger.moveSubtask(subtask, "ready", waitForSlot("execute"));
  await ledger.wakeStage("execute", task.id, subtask.id);
}

/**
 * In place of the next attempt's start: inserts an attempt that is done already, with the late work of
 * an earlier one. It passes the same gates as any other.
 */
export async function takeOver(
  ledger: TaskLedger,
  processId: string,
  task: Task,
  subtask: Subtask,
  late: Attempt & { report: DoneReport },
  attempts: number,
): Promise<void> {
  const number = attempts + 1;
  const id = newId("attempt");
  const { agent, baseCommit, report } = late;
  // Where another one began since, the files of the session are that one's.
  const sessionId = late.number === attempts ? late.sessionId : null;
  await ledger.insertAttempt({
    ...{ id, taskId: task.id, subtaskId: subtask.id, number, epoch: subtask.epoch },
    ...{ processId, agent, baseCommit, sessionId },
  });
  await ledger.appendEvent(task.id, {
    type: "attempt.started",
    message: `Attempt ${number} of "${subtask.title}" takes over what attempt ${late.number} finished after it was given up`,
    data: {
      ...{ number, key: subtask.key, agent, model: null, base_commit: baseCommit },
      ...{ continues: true, takes_over: late.number },
    },
    subtaskId: subtask.id,
    attemptId: id,
  });
  const detail = `the work of attempt ${late.number}, which finished late (${report.detail})`;
  const ending = { ...doneAttempt({ ...report, detail }), snapshotRef: null };
  await endAttempt(ledger, task, subtask, { attemptId: id }, ending);
  await ledger.takeReport(late.id);
  await ledger.passMessages(late.id, id);
  await ledger.moveSubtask(subtask, "verifying", waitForSlot("verify"), {
    ...{ commit: report.commit, verdict: null, gateVerdict: null, stageFailures: 0 },
  });
  await ledger.wakeStage("verify", task.id, subtask.id);
}
