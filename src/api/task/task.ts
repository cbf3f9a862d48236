import { z } from "zod";
import { budgetSchema } from "../../core/budget/budget.ts";
import { proofLevels } from "../../core/proof/proof.ts";
import { assurances } from "../../core/review/review.ts";
import { taskStates } from "../../core/task/lifecycle.ts";
import {
  decisionOf,
  decisions,
  hadNothingToDo,
  type ListedTask,
  planApprovals,
  planModes,
  stuckAnswers,
  type Task,
  taskInputSchema,
} from "../../core/task/task.ts";
import { titleOf } from "../../core/text/title.ts";
import type { Lenient } from "../lenient.ts";
import { named } from "../registry.ts";
import { time, toWire } from "../to-wire.ts";
import { checkWire } from "./evidence.ts";

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
    /** In one short line: of what it is about on GitHub, or of the goal. May be a stranger's words. */
    title: z.string(),
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
    /** The base holds the checkout's uncommitted changes. */
    include_uncommitted: z.boolean(),
    /** Neither a kept setup nor a kept baseline is used. */
    fresh: z.boolean(),
    /** Judge files that may change. */
    allow: z.array(z.string()),
    /** Null: the repository's or the daemon's configuration. */
    proof: z.enum(proofLevels).nullable(),
    /** Null: the daemon's configuration. */
    assurance: z.enum(assurances).nullable(),
    /** What happens to work that recovery cannot finish. */
    when_stuck: z.enum(stuckAnswers),
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
        /** What runs beside the checks. */
        services: z.array(
          z.object({ name: z.string(), run: z.string(), ports: z.array(z.string()) }),
        ),
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
    /** Since when a person has it paused: what it waits for besides comes after `resume`. */
    paused_at: time.nullable(),
    /** What a person decided on the delivered work; `open`: nothing yet; null: nothing to decide. */
    decision: z.enum(decisions).nullable(),
    /** Completed without a change: no branch, and `end_detail` says why. */
    nothing_to_do: z.boolean(),
    accepted_at: time.nullable(),
    rolled_back_at: time.nullable(),
    discarded_at: time.nullable(),
    /** When logs, events and snapshots were removed, long after the task's end. */
    pruned_at: time.nullable(),
    created_at: time,
    updated_at: time,
    ended_at: time.nullable(),
  }),
  { description: "What a caller delegated, and its progress." },
);

export const listedTaskWire = named(
  "ListedTask",
  taskWire.omit({ attachments: true }).extend({
    /** Of the calls that have a price. */
    cost_usd: z.number().nullable(),
    /** What it needs a person for: the `kind` of an item of /v1/attention. */
    attention: z.string().nullable(),
  }),
  { description: "A task without its attachments, which may be megabytes." },
);

export type TaskView = Lenient<typeof taskWire>;
export type ListedTaskView = Omit<TaskView, "attachments">;

/** The task in wire names; attachments become their sizes, a password in the URL is hidden. */
export function toTaskWire(task: Task): z.infer<typeof taskWire> {
  return toWire(taskWire, presentTask(task));
}

/** The task as `taskWire` describes it, in internal names. */
export function presentTask(task: Task) {
  const attachments = task.attachments.map(({ name, content }) => ({
    name,
    characters: content.length,
  }));
  return { ...presentListedTask(task), attachments };
}

/** The task without its attachments, in internal names. */
export function presentListedTask<Listed extends ListedTask>(task: Listed) {
  return {
    ...task,
    title: titleOf(task),
    repository: hideCredentials(task.repository),
    deliver: task.delivery,
    decision: decisionOf(task),
    nothingToDo: hadNothingToDo(task),
    timeoutMinutes: task.attemptTimeoutMs / 60_000,
    preparation: task.preparation && {
      ...task.preparation,
      notes: task.preparation.notes ?? [],
      services: task.preparation.services ?? [],
    },
  };
}

/** Hides a password in the URL. */
export function hideCredentials(repository: string): string {
  return repository.replace(/^([a-z+]+:\/\/)[^/@]*:[^/@]*@/i, "$1***@");
}
