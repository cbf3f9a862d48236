import type { z } from "zod";
import { describeProof } from "../../core/proof/proof-words.ts";
import type { Event } from "../../core/task/event.ts";
import type { Hold } from "../../core/task/hold.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import { followMessage } from "../../core/task/message.ts";
import { hashQuestion } from "../../core/task/question.ts";
import type { Ending, ListedTask, Subtask, Task } from "../../core/task/task.ts";
import type { Explanation } from "../../orchestrator/commands/explain.ts";
import type { Question, TaskDetail } from "../service.ts";
import type { eventWire, WhyWire } from "./schema-answer.ts";
import type {
  holdWire,
  listedTaskWire,
  questionWire,
  subtaskWire,
  taskDetailWire,
  taskWire,
} from "./schema-task.ts";
import { toAttemptWire, toCheckWire, toUsageWire, toVerdictWire } from "./wire-evidence.ts";
import { toPlanWire } from "./wire-plan.ts";

/**
 * From internal names (camelCase, Date) to wire names (snake_case, ISO 8601), field by field: only
 * what is listed here leaves the daemon, and the compiler checks it against the documented schema.
 */
export function toTaskWire(task: Task): z.infer<typeof taskWire> {
  const attachments = task.attachments.map(({ name, content }) => ({
    name,
    characters: content.length,
  }));
  return { ...toListedTaskWire(task), attachments };
}

export function toListedTaskWire(task: ListedTask): z.infer<typeof listedTaskWire> {
  return {
    id: task.id,
    state: task.state,
    hold: task.hold && toHoldWire(task.hold),
    goal: task.goal,
    repository: hideCredentials(task.repository),
    base: task.base,
    agent: task.agent,
    checks: task.checks,
    mode: task.mode,
    approval: task.approval,
    deliver: task.delivery,
    expects_change: task.expectsChange,
    allow_test_changes: task.allowTestChanges,
    allow: task.allow,
    proof: task.proof,
    assurance: task.assurance,
    timeout_minutes: task.attemptTimeoutMs / 60_000,
    budget: task.budget,
    origin: {
      source: task.origin.source,
      subject: task.origin.subject,
      reply_to: task.origin.replyTo,
    },
    preparation: task.preparation && {
      base_commit: task.preparation.baseCommit,
      base_ref: task.preparation.baseRef,
      setup: task.preparation.setup,
      checks: task.preparation.checks.map(toCheckWire),
      checks_source: task.preparation.checksSource,
      protected_paths: task.preparation.protectedPaths,
      notes: task.preparation.notes ?? [],
    },
    head_commit: task.headCommit,
    branch: task.branch,
    delivered_commit: task.deliveredCommit,
    delivery_url: task.deliveryUrl,
    end_detail: task.endDetail,
    cancel_requested_at: task.cancelRequestedAt?.toISOString() ?? null,
    accepted_at: task.acceptedAt?.toISOString() ?? null,
    discarded_at: task.discardedAt?.toISOString() ?? null,
    pruned_at: task.prunedAt?.toISOString() ?? null,
    created_at: task.createdAt.toISOString(),
    updated_at: task.updatedAt.toISOString(),
    ended_at: task.endedAt?.toISOString() ?? null,
  };
}

/** Hides a password in the URL. */
function hideCredentials(repository: string): string {
  return repository.replace(/^([a-z+]+:\/\/)[^/@]*:[^/@]*@/i, "$1***@");
}

function toHoldWire(hold: Hold): z.infer<typeof holdWire> {
  switch (hold.kind) {
    case "lease":
      return {
        kind: "lease",
        owner: hold.owner,
        expires_at: hold.expiresAt.toISOString(),
        doing: hold.doing,
      };
    case "wake":
      return { kind: "wake", at: hold.at.toISOString(), reason: hold.reason };
    case "question":
      return { kind: "question", question_id: hold.questionId };
    case "dependency":
      return { kind: "dependency", on: [...hold.on], reason: hold.reason };
  }
}

function toSubtaskWire(subtask: Subtask): z.infer<typeof subtaskWire> {
  return {
    id: subtask.id,
    task_id: subtask.taskId,
    key: subtask.key,
    position: subtask.position,
    title: subtask.title,
    brief: subtask.brief,
    depends_on: subtask.dependsOn,
    writes: subtask.writes,
    agent: subtask.agent,
    kind: subtask.kind,
    checks: subtask.checks.map(toCheckWire),
    state: subtask.state,
    hold: subtask.hold && toHoldWire(subtask.hold),
    base_commit: subtask.baseCommit,
    commit: subtask.commit,
    integrated_commit: subtask.integratedCommit,
    verdict: subtask.verdict && toVerdictWire(subtask.verdict),
    gate_verdict: subtask.gateVerdict && toVerdictWire(subtask.gateVerdict),
    ending: subtask.ending && toEndingWire(subtask.ending),
    answers: subtask.answers,
    created_at: subtask.createdAt.toISOString(),
    updated_at: subtask.updatedAt.toISOString(),
  };
}

function toEndingWire(ending: Ending): NonNullable<z.infer<typeof subtaskWire>["ending"]> {
  const nothing = { reason: null, stage: null, files: [], detail: null };
  switch (ending.what) {
    case "attempt":
      return { ...nothing, what: "attempt", reason: ending.reason, detail: ending.detail };
    case "verdict":
      return { ...nothing, what: "verdict", stage: ending.stage };
    case "conflict":
      return { ...nothing, what: "conflict", files: ending.files, detail: ending.detail };
    case "broken":
    case "unaffordable":
      return { ...nothing, what: ending.what, stage: ending.stage, detail: ending.detail };
  }
}

function toQuestionWire(question: Question): z.infer<typeof questionWire> {
  return {
    id: question.id,
    task_id: question.taskId,
    subtask_id: question.subtaskId,
    kind: question.kind,
    text: question.text,
    hash: hashQuestion(question.text),
    asked_at: question.askedAt.toISOString(),
    answer: question.answer,
    answered_at: question.answeredAt?.toISOString() ?? null,
  };
}

export function toTaskDetailWire(detail: TaskDetail): z.infer<typeof taskDetailWire> {
  return {
    task: toTaskWire(detail.task),
    subtasks: detail.subtasks.map(toSubtaskWire),
    attempts: detail.attempts.map(toAttemptWire),
    questions: detail.questions.map(toQuestionWire),
    messages: detail.messages.map((message) => ({
      id: message.id,
      subtask_id: message.subtaskId,
      place: message.place,
      text: message.text,
      sent_at: message.sentAt.toISOString(),
      ...followMessage(message, detail),
    })),
    plans: detail.plans.map(toPlanWire),
    proof: isTaskOver(detail.task.state) ? describeProof(detail.task, detail.subtasks) : null,
    usage: detail.usage.map(toUsageWire),
    unreadable: detail.garbled,
    worktrees: detail.worktrees.map(({ id, subtaskId, path, state }) => ({
      id,
      subtask_id: subtaskId,
      path,
      state,
    })),
  };
}

export function toWhyWire(why: Explanation): WhyWire {
  return {
    id: why.id,
    state: why.state,
    waiting_for: why.waitingFor,
    since: why.since.toISOString(),
    next: why.next,
    next_at: why.nextAt?.toISOString() ?? null,
    unblock: why.unblock,
    subtasks: why.subtasks.map(toWhyWire),
  };
}

/** Event data has no fixed shape, so its keys are converted generically. */
export function toEventWire(event: Event): z.infer<typeof eventWire> {
  return {
    seq: event.seq,
    id: event.id,
    task_id: event.taskId,
    subtask_id: event.subtaskId,
    attempt_id: event.attemptId,
    type: event.type,
    message: event.message,
    data: snakeKeys(event.data) as Record<string, unknown>,
    at: event.at.toISOString(),
  };
}

/** Keys below these are not ours: test names, check names, user input. */
const othersKeys = new Set(["tests", "runs", "payload", "env"]);

function snakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeKeys);
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      /^[a-z][A-Za-z0-9]*$/.test(key)
        ? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
        : key,
      othersKeys.has(key) ? inner : snakeKeys(inner),
    ]),
  );
}
