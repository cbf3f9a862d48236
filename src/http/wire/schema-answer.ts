import { z } from "zod";
import { eventTypes } from "../../core/task/event.ts";
import { named } from "./schema-registry.ts";
import { taskWire } from "./schema-task.ts";

/**
 * The API's smaller responses in wire names: events, why, results of commands, health, problems.
 */
const time = z.iso.datetime();

export const eventWire = named(
  "Event",
  z.object({
    seq: z.number().int(),
    id: z.string(),
    task_id: z.string(),
    subtask_id: z.string().nullable(),
    attempt_id: z.string().nullable(),
    type: z.enum(eventTypes),
    message: z.string(),
    data: z.record(z.string(), z.unknown()),
    at: time,
  }),
  {
    description: "An appended fact, in the past tense.",
    examples: [
      {
        seq: 12,
        id: "evt_01k9m4v2q0abcdefghjk",
        task_id: "task_01k9m4v2pzabcdefghjk",
        subtask_id: null,
        attempt_id: null,
        type: "task.created",
        message: "Task created",
        data: {},
        at: "2026-01-01T00:00:00.000Z",
      },
    ],
  },
);

export const eventPageWire = named(
  "EventPage",
  z.object({ events: z.array(eventWire), next_after: z.number().int() }),
  { description: "`next_after` is the `after` of the next page." },
);

export type WhyWire = {
  id: string;
  state: string;
  waiting_for: string;
  since: string;
  next: string;
  next_at: string | null;
  unblock: string | null;
  subtasks: WhyWire[];
};

export const whyWire: z.ZodType<WhyWire, WhyWire> = named(
  "Why",
  z.object({
    id: z.string(),
    state: z.string(),
    waiting_for: z.string(),
    since: time,
    next: z.string(),
    next_at: time.nullable(),
    unblock: z.string().nullable(),
    get subtasks() {
      return z.array(whyWire);
    },
  }),
  { description: "What it waits for, since when, what happens next, and what would unblock it." },
);

export const deedWire = named("Deed", z.object({ task: taskWire, detail: z.string() }), {
  description: "The task after a command, and one sentence on what was done.",
});

export const sentWire = named("Sent", taskWire.extend({ when: z.string() }), {
  description:
    "The task, and one clause for each subtask it was sent to: when its agent receives it.",
});

export const restoredWire = named(
  "Restored",
  z.object({
    worktrees: z.array(z.object({ subtask_id: z.string(), path: z.string() })),
    detail: z.string(),
  }),
);

export const answerBody = named(
  "Answer",
  z.strictObject({
    answer: z
      .string()
      .max(64_000)
      .refine((text) => text.trim() !== "", { error: "must not be empty" }),
    /**
     * The question to answer; required if several are open, or if a decision is asked for again.
     */
    question_id: z.string().max(64).optional(),
    /**
     * The `hash` of the question that was shown: if the question has changed, the answer is
     * refused.
     */
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/, { error: "must be the 64 hex digits of a question's hash" })
      .optional(),
  }),
  { examples: [{ answer: "Use the second variant." }] },
);

const text = z
  .string()
  .max(64_000)
  .refine((value) => value.trim() !== "", { error: "must not be empty" });

export const sayBody = named(
  "Say",
  z.strictObject({
    text,
    /** The plan's id of one subtask; by default everyone at work on the task gets it. */
    subtask: z.string().max(64).optional(),
  }),
  { examples: [{ text: "Leave the old API in place." }] },
);

export const commentBody = named(
  "Comment",
  z.strictObject({
    /** A file of the change, with a line or a range of lines. */
    place: z
      .string()
      .max(4_096)
      .regex(/^[^\s:][^:\n]*:[1-9]\d*(-[1-9]\d*)?$/, {
        error: 'must be a file and a line, like "src/app.ts:12" or "src/app.ts:12-20"',
      }),
    text,
  }),
  { examples: [{ place: "src/app.ts:12", text: "This breaks on an empty list." }] },
);

export const triggerTestBody = named(
  "TriggerTest",
  z.strictObject({
    /** The value of X-GitHub-Event. Guessed from the payload if absent. */
    event: z.string().min(1).max(100).optional(),
    payload: z.record(z.string(), z.unknown()),
  }),
  { examples: [{ event: "issues", payload: { action: "opened", issue: { number: 1 } } }] },
);

export const pointerWire = named(
  "Pointer",
  z.object({
    name: z.literal("deputy"),
    version: z.string(),
    docs: z.string(),
    openapi: z.string(),
    health: z.string(),
  }),
);

export const healthWire = named(
  "Health",
  z.object({
    status: z.literal("alive"),
    version: z.string(),
    process_id: z.string(),
    uptime_s: z.number(),
  }),
);

export const readinessWire = named(
  "Readiness",
  z.object({ ready: z.boolean(), problems: z.array(z.string()) }),
);

export const messageWire = named("Message", z.object({ message: z.string() }));

export const problemWire = named(
  "Problem",
  z.object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    /** A stable identifier for programs. */
    code: z.string(),
    /** The input field, as a path in wire names. */
    field: z.string().optional(),
    /** The line of the submitted file, counted from 1. */
    line: z.number().int().optional(),
    /** Identifies this failure in the daemon's log; only on errors that are not the caller's. */
    request_id: z.string().optional(),
  }),
  {
    description: "RFC 9457 problem details.",
    examples: [
      {
        type: "about:blank",
        title: "Bad Request",
        status: 400,
        detail: 'The field "goal" is missing.',
        code: "invalid_input",
        field: "goal",
      },
    ],
  },
);
export type Problem = z.infer<typeof problemWire>;
