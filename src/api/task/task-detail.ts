import { z } from "zod";
import { answersOf } from "../../core/attention/ask.ts";
import type { ListedRow } from "../../core/page/task-list.ts";
import { describeProof } from "../../core/proof/proof-words.ts";
import { endReasons } from "../../core/task/failure.ts";
import type { Freeze } from "../../core/task/freeze.ts";
import { isTaskOver, subtaskStates } from "../../core/task/lifecycle.ts";
import { followMessage, messageStates } from "../../core/task/message.ts";
import { subtaskKinds } from "../../core/task/plan.ts";
import { hashQuestion, questionKinds } from "../../core/task/question.ts";
import type { Subtask } from "../../core/task/task.ts";
import type { Garbled, TaskDetail } from "../../core/task/task-detail.ts";
import { freezeWire } from "../freeze.ts";
import type { Lenient } from "../lenient.ts";
import { named } from "../registry.ts";
import { time, toWire } from "../to-wire.ts";
import {
  attemptWire,
  checkWire,
  presentAttempt,
  presentVerdict,
  usageWire,
  verdictWire,
} from "./evidence.ts";
import { planWire } from "./plan.ts";
import { holdWire, listedTaskWire, presentListedTask, presentTask, taskWire } from "./task.ts";

/** A task with its parts: the fields of GET /v1/tasks/:id. */
const subtaskWire = named(
  "Subtask",
  z.object({
    id: z.string(),
    task_id: z.string(),
    key: z.string(),
    position: z.number(),
    title: z.string(),
    brief: z.string(),
    depends_on: z.array(z.string()),
    writes: z.array(z.string()),
    agent: z.string(),
    /** `plan` and `replan`: when its turn comes a planner replaces it by subtasks. */
    kind: z.enum(subtaskKinds),
    /** How many plans made anew led to it. */
    replans: z.number(),
    checks: z.array(checkWire),
    state: z.enum(subtaskStates),
    hold: holdWire.nullable(),
    base_commit: z.string().nullable(),
    commit: z.string().nullable(),
    integrated_commit: z.string().nullable(),
    verdict: verdictWire.nullable(),
    gate_verdict: verdictWire.nullable(),
    /** How it last failed or stopped, if it did. */
    ending: z
      .object({
        what: z.enum(["attempt", "verdict", "conflict", "broken", "unaffordable"]),
        reason: z.enum(endReasons).nullable(),
        stage: z.string().nullable(),
        files: z.array(z.string()),
        detail: z.string().nullable(),
      })
      .nullable(),
    answers: z.array(z.object({ question: z.string(), answer: z.string() })),
    created_at: time,
    updated_at: time,
  }),
  { description: "One node of the plan: one worktree, one branch." },
);

const questionWire = named(
  "Question",
  z.object({
    id: z.string(),
    task_id: z.string(),
    subtask_id: z.string().nullable(),
    kind: z.enum(questionKinds),
    text: z.string(),
    /** What it may be answered with; of an agent's question what the agent offers, in its words. */
    options: z.array(
      z.object({
        label: z.string(),
        /** Null: the person's own words. */
        answer: z.string().nullable(),
        /** `high`: it spends, lets something strange in, or changes a repository. */
        risk: z.enum(["low", "high"]),
      }),
    ),
    /** SHA-256 of `text`, for an answer that must apply to exactly this text. */
    hash: z.string(),
    asked_at: time,
    answer: z.string().nullable(),
    answered_at: time.nullable(),
  }),
);

const messageToTaskWire = named(
  "MessageToTask",
  z.object({
    id: z.string(),
    subtask_id: z.string(),
    /** `file:line` of a comment; null for a message to an agent. */
    place: z.string().nullable(),
    text: z.string(),
    sent_at: time,
    state: z.enum(messageStates),
    /** One clause: what became of it, or what it waits for. */
    detail: z.string(),
  }),
  { description: "A person's message to a task, and what became of it." },
);

const garbledWire = named(
  "UnreadableRow",
  z.object({ table: z.string(), id: z.string(), column: z.string(), problem: z.string() }),
  { description: "A row of the database that cannot be read, and why." },
);

export const taskDetailWire = named(
  "TaskDetail",
  z.object({
    task: taskWire,
    subtasks: z.array(subtaskWire),
    attempts: z.array(attemptWire),
    questions: z.array(questionWire),
    /** Comments and messages to agents, oldest first. */
    messages: z.array(messageToTaskWire),
    /** Plans that a planner made or a person was asked about, and revisions since. */
    plans: z.array(planWire),
    /** What was proven, in the receipt's words; null: the task is not over. */
    proof: z.object({ verified: z.boolean(), headline: z.string(), detail: z.string() }).nullable(),
    usage: z.array(usageWire),
    /** The task's rows that cannot be read, and are missing from the lists. */
    unreadable: z.array(garbledWire),
    worktrees: z.array(
      z.object({
        id: z.string(),
        subtask_id: z.string().nullable(),
        path: z.string(),
        state: z.enum(["active", "removed"]),
      }),
    ),
  }),
);

export const taskListWire = named(
  "TaskList",
  z.object({
    tasks: z.array(listedTaskWire),
    /** Tasks of this page whose rows cannot be read. */
    unreadable: z.array(garbledWire),
    next_cursor: z.string().nullable(),
    /** Why none of them goes on; null: Deputy is not frozen. */
    freeze: freezeWire.nullable(),
  }),
);

export type TaskDetailView = Lenient<typeof taskDetailWire>;
/** What an agent offers with its question; a number stands for each, from 1 on. */
export function choicesOf({
  kind,
  options,
}: Pick<TaskDetailView["questions"][number], "kind" | "options">): string[] {
  if (kind !== "question") return [];
  return options.flatMap(({ answer }) => (answer === null ? [] : [answer]));
}

export type UnreadableView = Lenient<typeof garbledWire>;

/** The task and its parts in wire names, with the proof once the task is over. */
export function toTaskDetailWire(detail: TaskDetail): z.infer<typeof taskDetailWire> {
  return toWire(taskDetailWire, {
    ...detail,
    task: presentTask(detail.task),
    subtasks: detail.subtasks.map(presentSubtask),
    attempts: detail.attempts.map(presentAttempt),
    questions: detail.questions.map((question) => ({
      ...question,
      hash: hashQuestion(question.text),
      options: answersOf(question.kind, question.choices),
    })),
    messages: detail.messages.map((message) => ({ ...message, ...followMessage(message, detail) })),
    proof: isTaskOver(detail.task.state) ? describeProof(detail.task, detail.subtasks) : null,
    unreadable: detail.garbled,
  });
}

/** One page of tasks in wire names. */
export function toTaskListWire(page: {
  tasks: readonly ListedRow[];
  garbled: Garbled[];
  nextCursor: string | null;
  freeze: Freeze | null;
}): z.infer<typeof taskListWire> {
  return toWire(taskListWire, {
    tasks: page.tasks.map(presentListedTask),
    unreadable: page.garbled,
    nextCursor: page.nextCursor,
    freeze: page.freeze,
  });
}

function presentSubtask(subtask: Subtask) {
  return {
    ...subtask,
    verdict: presentVerdict(subtask.verdict),
    gateVerdict: presentVerdict(subtask.gateVerdict),
    ending: subtask.ending && {
      ...{ reason: null, stage: null, files: [], detail: null },
      ...subtask.ending,
    },
  };
}
