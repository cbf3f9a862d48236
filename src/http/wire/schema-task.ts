import { z } from "zod";
import { budgetSchema } from "../../core/budget/budget.ts";
import { proofLevels } from "../../core/proof/proof.ts";
import { assurances } from "../../core/review/review.ts";
import { endReasons } from "../../core/task/failure.ts";
import { subtaskStates, taskStates } from "../../core/task/lifecycle.ts";
import { messageStates } from "../../core/task/message.ts";
import { planApprovals, planModes, questionKinds, taskInputSchema } from "../../core/task/task.ts";
import { attemptWire, checkWire, usageWire, verdictWire } from "./schema-evidence.ts";
import { planWire } from "./schema-plan.ts";
import { named } from "./schema-registry.ts";

/** Tasks and their parts in wire names: the fields of GET /v1/tasks/:id. */
const time = z.iso.datetime();

export const newTaskWire = named("NewTask", taskInputSchema, {
  description: "What to delegate. Unknown fields are refused.",
  examples: [
    {
      goal: "Format everything with prettier",
      repository: "/home/me/app",
      agent: "command:npx prettier -w .",
      checks: ["npm test"],
    },
  ],
});

export const holdWire = named(
  "Hold",
  z.union([
    z.object({ kind: z.literal("lease"), owner: z.string(), expires_at: time, doing: z.string() }),
    z.object({ kind: z.literal("wake"), at: time, reason: z.string() }),
    z.object({ kind: z.literal("question"), question_id: z.string() }),
    z.object({ kind: z.literal("dependency"), on: z.array(z.string()), reason: z.string() }),
  ]),
  { description: "What it is waiting on. Null exactly when it is over." },
);

export const taskWire = named(
  "Task",
  z.object({
    id: z.string(),
    state: z.enum(taskStates),
    hold: holdWire.nullable(),
    goal: z.string(),
    repository: z.string(),
    base: z.string().nullable(),
    agent: z.string(),
    checks: z.array(z.string()),
    mode: z.enum(planModes),
    approval: z.enum(planApprovals),
    attachments: z.array(z.object({ name: z.string(), characters: z.number() })),
    deliver: z.enum(["auto", "branch", "pr", "comment"]),
    expects_change: z.boolean(),
    allow_test_changes: z.boolean(),
    /** Judge files that may change. */
    allow: z.array(z.string()),
    /** Null: the repository's or the daemon's configuration. */
    proof: z.enum(proofLevels).nullable(),
    /** Null: the daemon's configuration. */
    assurance: z.enum(assurances).nullable(),
    timeout_minutes: z.number(),
    /** The current budget, including what was granted since; null: no limit. */
    budget: budgetSchema.nullable(),
    origin: z.object({
      source: z.string(),
      subject: z.string().nullable(),
      reply_to: z.string().nullable(),
    }),
    preparation: z
      .object({
        base_commit: z.string(),
        base_ref: z.string(),
        setup: z.array(z.string()),
        checks: z.array(checkWire),
        checks_source: z.enum(["config", "detected", "none"]),
        protected_paths: z.array(z.string()),
        /** How worktrees differ from an ordinary checkout. */
        notes: z.array(z.string()),
      })
      .nullable(),
    head_commit: z.string().nullable(),
    branch: z.string().nullable(),
    delivered_commit: z.string().nullable(),
    delivery_url: z.string().nullable(),
    end_detail: z.string().nullable(),
    cancel_requested_at: time.nullable(),
    accepted_at: time.nullable(),
    discarded_at: time.nullable(),
    /** When logs, events and snapshots were removed, long after the task's end. */
    pruned_at: time.nullable(),
    created_at: time,
    updated_at: time,
    ended_at: time.nullable(),
  }),
  { description: "What a caller delegated, and its progress." },
);

export const listedTaskWire = named("ListedTask", taskWire.omit({ attachments: true }), {
  description: "A task without its attachments, which may be megabytes.",
});

export const subtaskWire = named(
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
    /** `plan`: when its turn comes a planner replaces it by subtasks. */
    kind: z.enum(["work", "plan"]),
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

export const questionWire = named(
  "Question",
  z.object({
    id: z.string(),
    task_id: z.string(),
    subtask_id: z.string().nullable(),
    kind: z.enum(questionKinds),
    text: z.string(),
    /** SHA-256 of `text`, for an answer that must apply to exactly this text. */
    hash: z.string(),
    asked_at: time,
    answer: z.string().nullable(),
    answered_at: time.nullable(),
  }),
);

export const messageToTaskWire = named(
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
  }),
);
