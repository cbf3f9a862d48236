import { z } from "zod";
import { budgetSchema } from "../core/budget/budget.ts";
import { roles } from "../core/budget/usage.ts";

/** The parts of the daemon's responses that the command line shows. Other fields are ignored. */
const checkResult = z.object({
  check: z.object({ command: z.string(), kind: z.string() }),
  run: z.object({ duration_ms: z.number(), detail: z.string() }),
  result: z.string(),
  reason: z.string(),
});
const verdict = z.object({
  result: z.string(),
  summary: z.string(),
  checks: z.array(checkResult),
  findings: z.array(z.object({ blocking: z.boolean(), message: z.string() })),
});

export const taskSchema = z.object({
  id: z.string(),
  state: z.string(),
  goal: z.string(),
  repository: z.string(),
  base: z.string().nullable(),
  agent: z.string(),
  checks: z.array(z.string()),
  expects_change: z.boolean(),
  budget: budgetSchema.nullable(),
  /** Set once the task is planned, with the checks that are actually run. */
  preparation: z
    .object({
      checks: z.array(z.object({ command: z.string(), source: z.string() })),
      notes: z.array(z.string()).optional(),
    })
    .nullish(),
  branch: z.string().nullable(),
  delivered_commit: z.string().nullable(),
  delivery_url: z.string().nullable(),
  end_detail: z.string().nullable(),
  accepted_at: z.string().nullable(),
  discarded_at: z.string().nullable(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
});
export const sentSchema = taskSchema.extend({ when: z.string() });

export type TaskView = z.infer<typeof taskSchema>;

/** A model's usage in one attempt, or in a run without an attempt. */
const usage = z
  .object({
    attempt_id: z.string().nullable(),
    role: z.enum(roles),
    model: z.string(),
    calls: z.number(),
    calls_without_tokens: z.number(),
    input_tokens: z.number(),
    cached_input_tokens: z.number(),
    output_tokens: z.number(),
    reasoning_tokens: z.number(),
    latency_ms: z.number(),
    cost_usd: z.number().nullable(),
  })
  .transform((row) => ({
    attemptId: row.attempt_id,
    role: row.role,
    model: row.model,
    calls: row.calls,
    callsWithoutTokens: row.calls_without_tokens,
    inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    latencyMs: row.latency_ms,
    costUsd: row.cost_usd,
  }));

/** Rows of the database that cannot be read. */
const unreadable = z
  .array(z.object({ table: z.string(), id: z.string(), column: z.string(), problem: z.string() }))
  .default([]);
export type UnreadableView = z.infer<typeof unreadable>;

export const taskListSchema = z.object({
  tasks: z.array(taskSchema),
  unreadable,
  next_cursor: z.string().nullable(),
});

export const detailSchema = z.object({
  task: taskSchema,
  unreadable,
  subtasks: z.array(
    z.object({
      id: z.string(),
      key: z.string(),
      title: z.string(),
      state: z.string(),
      depends_on: z.array(z.string()),
      verdict: verdict.nullable(),
      gate_verdict: verdict.nullable(),
    }),
  ),
  attempts: z.array(
    z.object({
      id: z.string(),
      subtask_id: z.string(),
      number: z.number(),
      agent: z.string(),
      started_at: z.string(),
      ended_at: z.string().nullable(),
      end_reason: z.string().nullable(),
      detail: z.string().nullable(),
      verdict: z.object({ result: z.string(), summary: z.string() }).nullable(),
      decision: z.object({ action: z.string(), kind: z.string(), reason: z.string() }).nullable(),
    }),
  ),
  /** Null: the task is not over; absent: from a daemon of an earlier version. */
  proof: z.object({ verified: z.boolean(), headline: z.string(), detail: z.string() }).nullish(),
  usage: z.array(usage),
  questions: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      text: z.string(),
      hash: z.string(),
      answer: z.string().nullable(),
    }),
  ),
  messages: z
    .array(
      z.object({
        place: z.string().nullable(),
        text: z.string(),
        state: z.string(),
        detail: z.string(),
      }),
    )
    .default([]),
  plans: z
    .array(
      z.object({
        state: z.string(),
        reason: z.string(),
        diff: z.array(z.string()),
        refused: z.array(z.string()),
        plan: z
          .object({ why: z.string(), planner: z.object({ agent: z.string() }).nullable() })
          .nullable(),
        feedback: z.string().nullable(),
      }),
    )
    .default([]),
  worktrees: z.array(z.object({ path: z.string(), state: z.string() })),
});
export type DetailView = z.infer<typeof detailSchema>;

export type WhyView = {
  id: string;
  state: string;
  waiting_for: string;
  since: string;
  next: string;
  next_at: string | null;
  unblock: string | null;
  subtasks: WhyView[];
};
export const whySchema: z.ZodType<WhyView> = z.object({
  id: z.string(),
  state: z.string(),
  waiting_for: z.string(),
  since: z.string(),
  next: z.string(),
  next_at: z.string().nullable(),
  unblock: z.string().nullable(),
  get subtasks() {
    return z.array(whySchema);
  },
});

export const eventSchema = z.object({
  seq: z.number(),
  type: z.string(),
  message: z.string(),
  data: z.record(z.string(), z.unknown()),
  at: z.string(),
});
export type EventView = z.infer<typeof eventSchema>;

export const endSchema = z.object({ state: z.string() });
export const deedSchema = z.object({ task: taskSchema, detail: z.string() });
export const restoredSchema = z.object({
  worktrees: z.array(z.object({ subtask_id: z.string(), path: z.string() })),
  detail: z.string(),
});
