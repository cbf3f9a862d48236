import { z } from "zod";
import { type TaskInput, taskInputSchema } from "../core/task/task.ts";

/**
 * What a rule of any section but `github` says of the task that it starts: fields of the API, with
 * its own schema. The owner wrote them, so they decide; what an event brings never becomes one.
 */
export const taskFields = taskInputSchema.pick({
  goal: true,
  repository: true,
  base: true,
  agent: true,
  checks: true,
  deliver: true,
  mode: true,
  approval: true,
  allow_test_changes: true,
  allow: true,
  proof: true,
  assurance: true,
  timeout_minutes: true,
  budget: true,
  when_stuck: true,
}).shape;

/** A rule is known by its name: in addresses, in rows and to the person who pauses or resets it. */
export const ruleName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, {
  error: "must be made of a-z, 0-9, - and _, and have at most 64 characters",
});

/** The name of a rule that gives itself none: its goal in short. Never empty. */
export function nameByGoal({ goal }: Pick<TaskInput, "goal">, fallback: string): string {
  const words = goal.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return words.slice(0, 40).replace(/^-+|-+$/g, "") || fallback;
}
