import { z } from "zod";
import { retryInputSchema } from "../core/task/task.ts";
import { named } from "./registry.ts";
import { taskWire } from "./task/task.ts";

/** The bodies and answers of commands. */
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

export const retryBody = named("Retry", retryInputSchema, {
  examples: [{ agent: "codex", timeout_minutes: 90 }],
});

const text = z
  .string()
  .max(64_000)
  .refine((value) => value.trim() !== "", { error: "must not be empty" });

const maxSnoozeMinutes = 7 * 24 * 60;

export const snoozeBody = named(
  "Snooze",
  z.strictObject({
    /** 0: no longer. */
    minutes: z.number().min(0).max(maxSnoozeMinutes),
  }),
  { examples: [{ minutes: 60 }] },
);

export const acceptBody = named(
  "Accept",
  z.strictObject({
    /** The `tree` of the change that was shown: any other is refused. */
    tree: z
      .string()
      .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, { error: "must be the `tree` of the change" })
      .optional(),
  }),
);

export const budgetBody = named(
  "BudgetChange",
  z.strictObject({
    /** Dollars, all of the task together. */
    budget_usd: z.number().positive().max(1_000_000),
  }),
  { examples: [{ budget_usd: 20 }] },
);

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
    /** Whose payload it is. Guessed from it if absent. */
    forge: z.enum(["github", "gitea", "gitlab"]).optional(),
    /** The value of X-GitHub-Event, or of X-Gitea-Event. Guessed from the payload if absent. */
    event: z.string().min(1).max(100).optional(),
    payload: z.record(z.string(), z.unknown()).optional(),
    /** The name of a rule of a section that is no forge's, in place of a payload. */
    rule: z.string().min(1).max(100).optional(),
    /** What would come to that rule: the body of a hook's request, the text of a file. */
    text: z.string().max(1_048_576).optional(),
  }),
  { examples: [{ event: "issues", payload: { action: "opened", issue: { number: 1 } } }] },
);
