import { z } from "zod";
import { readTaskPrefix } from "../core/base/id.ts";
import { taskInputSchema } from "../core/task/task.ts";

/** The tools' inputs: the HTTP API's schema with descriptions for a model. */
export const taskId = z
  .string()
  // No "last": the newest task may be somebody else's, and a model would not notice.
  .refine((text) => readTaskPrefix(text) !== null, { error: "must be the id of a task (task_…)" })
  .describe("As submit returned it, or an unambiguous beginning of it.");

/** The body of POST /v1/tasks, without `plan_yaml`. */
export function makeSubmitSchema(defaultRepository: string | null) {
  const { shape } = taskInputSchema;
  const repository = shape.repository.describe(
    `An absolute path, or an https:// or ssh URL.${defaultRepository ? ` Default: ${defaultRepository}` : ""}`,
  );
  return taskInputSchema.omit({ plan_yaml: true }).extend({
    goal: shape.goal.describe(
      "What to do and what counts as done, for a reader without this conversation.",
    ),
    repository: defaultRepository === null ? repository : repository.optional(),
    base: shape.base.describe(
      "Branch, tag or commit to start from. Default: the repository's HEAD.",
    ),
    agent: shape.agent.describe("Leave out for the configured one."),
    checks: shape.checks.describe(
      "Shell commands that must be green before anything is delivered.",
    ),
    plan: shape.plan.describe("Independent parts with their dependencies. Leave out for one task."),
    deliver: shape.deliver.describe(
      "Leave out for a branch, unless the repository says otherwise.",
    ),
    allow_test_changes: shape.allow_test_changes.describe(
      "The goal is to change the tests themselves.",
    ),
    include_uncommitted: shape.include_uncommitted.describe(
      "Start from the checkout with what is not committed there.",
    ),
    fresh: shape.fresh.describe(
      "Run setup and the checks of the base anew. Leave out, unless an earlier setup is suspected.",
    ),
    allow: shape.allow.describe(
      "Files that judge the work (tests, snapshots, configuration, workflows) and that the goal is to change: paths or globs.",
    ),
    proof: shape.proof.describe(
      "How much is tried out to find what a green check means. Leave out for the configured level.",
    ),
    timeout_minutes: shape.timeout_minutes.describe("Limit of one attempt."),
    idempotency_key: z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/, { error: "must be 1 to 255 visible ASCII characters" })
      .optional()
      .describe("The same key and input again give the same task."),
  });
}
