import { pickChoice } from "../../core/attention/choices.ts";
import type { Deciding } from "../../core/attention/deciding.ts";
import { DeputyError } from "../../core/base/error.ts";
import { newId } from "../../core/base/id.ts";
import { invariant } from "../../core/base/invariant.ts";
import type { Author } from "../../core/ledger/author.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import { isAcceptance, isReviewAgain } from "../../core/review/review.ts";
import type { EventType } from "../../core/task/event.ts";
import type { Hold } from "../../core/task/hold.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import { isApproval } from "../../core/task/question.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { waitOut } from "../../store/database/outage.ts";
import type { Db } from "../../store/database/schema.ts";
import { appendEvent } from "../../store/tasks/transition.ts";
import { answerAboutJudges } from "../questions/answer-judges.ts";
import { answerStuck, requireUsable } from "../questions/answer-stuck.ts";
import { answerPlan, checkPlanRounds, readPlanAnswer } from "../questions/ask-about-plan.ts";
import { answerBudgetQuestion } from "../questions/budget-question.ts";
import { findQuestion } from "../questions/find-question.ts";
import { goOnPlanning } from "../questions/planner-question.ts";
import { requireUndecided } from "../questions/require-undecided.ts";
import { faultPoint } from "../runner/fault-point.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import { settle } from "../transitions/settle.ts";
import { waitForSlot } from "../transitions/stage-retry.ts";
import { unpause } from "./pause.ts";
import { applyChanges, describeChanges, type RetryChanges, requireWork } from "./retry-changes.ts";
import { restarted } from "./rework.ts";

/**
 * A person's commands on an existing task. Each is one transaction; an impossible one throws a
 * DeputyError. `author`: who gave it, where it came from outside the API.
 */

/** Request cancellation; the state follows once nothing runs. Idempotent. */
export async function cancelTask(
  deps: AdvanceDeps,
  taskId: string,
  author: Author | null = null,
): Promise<Task> {
  const cancel: Command = async (ledger, task) => {
    if (task.state === "cancelled") return;
    if (isTaskOver(task.state)) {
      throw new DeputyError(
        "conflict",
        `${task.id} is ${task.state} already; there is nothing to cancel.`,
      );
    }
    await requestCancel(ledger, task, "Cancel requested");
  };
  return change(deps, taskId, cancel, author);
}

/** For a task that is not over. */
export async function requestCancel(
  ledger: TaskLedger,
  task: Task,
  message: string,
): Promise<void> {
  await ledger.moveTask(task, task.state, task.hold, {
    cancelRequestedAt: task.cancelRequestedAt ?? new Date(),
  });
  await ledger.appendEvent(task.id, { type: "task.cancel_requested", message });
  ledger.notifyCancel(task.id);
}

/**
 * Re-open a failed task where it failed. Finished subtasks stay finished; failed ones get a new
 * budget of attempts, and so does what is stuck and waits for a person. The changes are those of
 * whatever is not finished.
 */
export async function retryTask(
  deps: AdvanceDeps,
  taskId: string,
  changes: RetryChanges = {},
  author: Author | null = null,
): Promise<Task> {
  const retry: Command = async (ledger, task, subtasks) => {
    const requested = {
      type: "task.retried",
      message: `Retry requested${describeChanges(changes)}`,
    } as const;
    const open = isTaskOver(task.state) ? [] : await ledger.listOpenQuestions(task.id);
    const stuck = open.filter(({ kind }) => kind === "stuck");
    if (stuck.length > 0 && !task.cancelRequestedAt) {
      requireWork(task, subtasks, changes);
      await ledger.appendEvent(task.id, requested);
      for (const question of stuck) {
        await ledger.setAnswer(question.id, "retry");
        await answerStuck(ledger, deps.announce, { task, subtasks }, question, "retry");
      }
      return applyChanges(ledger, task.id, changes);
    }
    if (task.state !== "failed") {
      throw new DeputyError(
        "conflict",
        `${task.id} is ${task.state}; only a failed task can be retried.`,
      );
    }
    await requireUndecided(ledger, task.id);
    await requireFreeSubject(ledger, task);
    requireWork(task, subtasks, changes);
    await ledger.appendEvent(task.id, requested);
    const failed = subtasks.filter(({ state }) => state === "failed");
    if (failed.length > 0) {
      await reopenFailed(ledger, task, failed);
      return applyChanges(ledger, task.id, changes);
    }
    const stage = subtasks.length === 0 ? "plan" : "deliver";
    const to = stage === "plan" ? "queued" : "delivering";
    await ledger.moveTask(task, to, waitForSlot(stage), reopened);
    await applyChanges(ledger, task.id, changes);
    return ledger.wakeStage(stage, task.id, null);
  };
  return change(deps, taskId, retry, author);
}

/** An unmet cancellation request is cleared, too. */
const reopened = {
  endDetail: null,
  stageFailures: 0,
  postponed: 0,
  discardedAt: null,
  cancelRequestedAt: null,
};

/** Settling starts them in order: subtasks that write the same files run one after the other. */
export async function reopenFailed(
  ledger: TaskLedger,
  task: Task,
  failed: readonly Subtask[],
  on: readonly Subtask[] = failed,
): Promise<void> {
  for (const subtask of failed) await reopen(ledger, subtask);
  const hold: Hold = { kind: "dependency", on: on.map(({ id }) => id), reason: "retried" };
  await ledger.moveTask(task, "running", hold, reopened);
}

/** A subject has one active task: throws a DeputyError if another one is active. */
export async function requireFreeSubject(ledger: TaskLedger, { origin }: Task): Promise<void> {
  const active = origin.subject ? await ledger.findActiveTask(origin.subject) : null;
  if (!active) return;
  throw new DeputyError(
    "conflict",
    `${origin.subject} has another active task, ${active}; wait for it or cancel it.`,
  );
}

async function reopen(ledger: TaskLedger, subtask: Subtask): Promise<void> {
  const latest = await ledger.getLatestAttempt(subtask.id);
  const hold: Hold = { kind: "dependency", on: [subtask.id], reason: "retried" };
  const next = (latest?.number ?? 0) + 1;
  await ledger.moveSubtask(subtask, "blocked", hold, restarted(next));
  await ledger.appendEvent(subtask.taskId, {
    type: "subtask.retried",
    message: `"${subtask.title}" is tried again, from attempt ${next} on`,
    data: { key: subtask.key, next_attempt: next },
    subtaskId: subtask.id,
  });
}

/** Who gives an answer: a person, or another agent, for itself or on somebody's behalf. */
export type Speaker = "person" | "agent";

/**
 * Answer the open question (or the named one, see findQuestion): in words, or with the number of one of
 * the choices that its agent offers. An approval takes yes or no. An
 * agent may answer another agent's question about its work, but not a question that asks for a
 * person's decision.
 */
export async function answerQuestion(
  deps: AdvanceDeps,
  taskId: string,
  said: string,
  questionId: string | null,
  speaker: Speaker = "person",
  requirePlanner: (repository: string) => void = () => {},
  hash: string | null = null,
  author: Author | null = null,
): Promise<Task> {
  const take: Command = async (ledger, task, subtasks) => {
    if (isTaskOver(task.state)) {
      throw new DeputyError("conflict", `${task.id} is ${task.state}; it asks nothing any more.`);
    }
    const question = await findQuestion(ledger, task, subtasks, { answer: said, questionId, hash });
    const answer = pickChoice(question.choices, said);
    if (speaker === "agent" && question.kind !== "question") {
      throw new DeputyError(
        "forbidden",
        `${question.id} asks for a decision (${question.kind}), which only a person can give, and no agent for them; they run: deputy answer ${task.id}`,
        { field: "question_id" },
      );
    }
    if (question.kind === "pause") return unpauseBy(ledger, task, subtasks, answer);
    if (question.kind === "plan" && readPlanAnswer(answer) === "feedback") {
      requirePlanner(task.repository);
      await checkPlanRounds(ledger, task.id);
    }
    if (question.kind === "budget")
      return answerBudgetQuestion(ledger, deps, task, subtasks, question, answer);
    if (question.kind === "stuck") requireUsable(question, answer);
    const approved = question.kind === "approval" ? readApproval(answer) : null;
    await ledger.setAnswer(question.id, answer);
    await ledger.appendEvent(task.id, {
      type: "question.answered",
      message: `Answered: ${answer.slice(0, 200)}`,
      data: { question_id: question.id, answer },
      subtaskId: question.subtaskId,
    });
    if (question.kind === "plan") return answerPlan(ledger, deps.announce, task, answer);
    if (approved === false) {
      await ledger.moveTask(task, "cancelled", null, {
        endDetail: "not approved",
        cancelRequestedAt: new Date(),
      });
      await deps.announce(ledger, task, {
        type: "task.cancelled",
        message: "Cancelled: not approved",
      });
      return;
    }
    if (approved) {
      await ledger.moveTask(task, "queued", waitForSlot("plan"));
      return ledger.wakeStage("plan", task.id, null);
    }
    if (question.kind === "stuck")
      return answerStuck(ledger, deps.announce, { task, subtasks }, question, answer);
    if (question.subtaskId === null) return goOnPlanning(ledger, task);
    const subtask = subtasks.find(({ id }) => id === question.subtaskId);
    invariant(subtask, "a question of an agent belongs to a subtask");
    if (question.kind === "judges") return answerAboutJudges(ledger, subtask, question, answer);
    // Work that a person accepts as it is only has to be verified again, with the findings
    // accepted.
    const isAgain = subtask.verdict?.result === "inconclusive" && isReviewAgain(answer);
    // With no commit there is nothing to verify: a new attempt makes one, and the answer still applies.
    const isTaken =
      question.kind === "review" && subtask.commit !== null && (isAcceptance(answer) || isAgain);
    if (isTaken && isAgain) await ledger.forgetUnanswered(subtask.id);
    const stage = isTaken ? "verify" : "execute";
    await ledger.moveSubtask(subtask, isTaken ? "verifying" : "ready", waitForSlot(stage), {
      answers: [...subtask.answers, { question: question.text, answer }],
    });
    await ledger.wakeStage(stage, task.id, subtask.id);
  };
  return change(deps, taskId, take, author);
}

/** `deputy answer` to a pause means `deputy resume`. */
async function unpauseBy(
  ledger: TaskLedger,
  task: Task,
  subtasks: readonly Subtask[],
  answer: string,
): Promise<void> {
  if (!/^(yes|y|resume|go on)$/i.test(answer.trim())) {
    throw new DeputyError(
      "conflict",
      `${task.id} is paused: resume it with deputy resume ${task.id}, or cancel it.`,
      { field: "answer" },
    );
  }
  await unpause(ledger, task, subtasks);
}

function readApproval(answer: string): boolean {
  if (isApproval(answer)) return true;
  const word = answer.trim().toLowerCase();
  if (["no", "n", "reject", "rejected"].includes(word)) return false;
  throw new DeputyError("invalid_input", 'This question is an approval: answer "yes" or "no".', {
    field: "answer",
  });
}

/**
 * Record what a person did with the result: a fact about a finished task, without a change of
 * state.
 */
export async function recordHandover(
  deps: AdvanceDeps,
  taskId: string,
  type: Extract<
    EventType,
    "task.accepted" | "task.rolled_back" | "task.discarded" | "task.restored"
  >,
  message: string,
): Promise<Task> {
  faultPoint(type, "reported");
  return change(deps, taskId, async (ledger, task) => {
    if (type !== "task.restored" && !isTaskOver(task.state)) {
      throw new DeputyError("conflict", `${task.id} is ${task.state}: it was retried meanwhile.`);
    }
    if ((await ledger.findDeciding(taskId))?.verb === ends[type])
      await ledger.deleteDeciding(taskId);
    const column = decidedAt[type];
    // The first time counts, and is told once.
    if (column && task[column]) return;
    await ledger.moveTask(task, task.state, task.hold, column ? { [column]: new Date() } : {});
    await ledger.appendEvent(task.id, { type, message });
  });
}

/** Which decision, if it was begun, that completes. */
const ends: Record<string, Deciding["verb"]> = {
  "task.accepted": "accept",
  "task.discarded": "discard",
};

const decidedAt = {
  "task.accepted": "acceptedAt",
  "task.rolled_back": "rolledBackAt",
  "task.discarded": "discardedAt",
  "task.restored": null,
} as const;

/**
 * Record progress inside a stage: events that change no state (a finished check, an agent's turn).
 */
export async function reportProgress(
  db: Db,
  about: { taskId: string; subtaskId: string | null; attemptId: string | null },
  event: {
    type: "attempt.progressed" | "check.finished" | "experiment.finished" | "plan.progressed";
    message: string;
    data: Record<string, unknown>;
  },
): Promise<void> {
  const { taskId, subtaskId, attemptId } = about;
  const id = newId("event");
  await waitOut(() => appendEvent(db, taskId, { ...event, subtaskId, attemptId }, id));
}

type Command = (ledger: TaskLedger, task: Task, subtasks: Subtask[]) => Promise<void>;

/**
 * Run one transaction on one task with its row locked, then settle the rest of the task. Throws
 * not_found.
 */
export async function change(
  deps: AdvanceDeps,
  taskId: string,
  work: Command,
  author: Author | null = null,
): Promise<Task> {
  const recorded: Command = async (ledger, task, subtasks) => {
    if (author !== null) {
      const { key, what } = author;
      await ledger.appendEvent(taskId, { type: "task.commanded", message: what, data: { key } });
    }
    await work(ledger, task, subtasks);
  };
  return changeAndRead(deps, taskId, recorded, (ledger) => requireTask(ledger, taskId));
}

/** The same, and what is read of the settled task. */
export async function changeAndRead<Read>(
  deps: AdvanceDeps,
  taskId: string,
  work: Command,
  read: (ledger: TaskLedger) => Promise<Read>,
): Promise<Read> {
  return deps.transact(async (ledger) => {
    const locked = await ledger.lockTask(taskId);
    if (!locked) throw new DeputyError("not_found", `There is no task ${taskId}.`, { field: "id" });
    await work(ledger, locked.task, locked.subtasks);
    await settle(ledger, taskId, deps.announce);
    return read(ledger);
  });
}

/** A task that is known to exist, as it is now. */
export async function requireTask(ledger: TaskLedger, taskId: string): Promise<Task> {
  const task = await ledger.getTask(taskId);
  invariant(task, "a task is never deleted");
  return task;
}
