import { z } from "zod";
import { guardFields, readGuards } from "../guards/guard-rule.ts";
import { ruleName, taskFields } from "../rule-fields.ts";

/** A task that follows another one, once for each. */
export const endings = { "task.completed": "completed", "task.failed": "failed" } as const;

export const tasksRuleSchema = z
  .strictObject({
    name: ruleName,
    on: z.enum(Object.keys(endings) as [keyof typeof endings]),
    /** Only after tasks that this rule started. */
    after: z.string().min(1).max(100).optional(),
    /** Only after tasks on this repository, as `deputy show` names it. */
    from: z.string().min(1).max(4096).optional(),
    ...guardFields,
    ...taskFields,
  })
  .superRefine(({ after, name }, context) => {
    if (after !== name) return;
    const message = "names the rule itself, which would follow its own tasks: name another rule";
    context.addIssue({ code: "custom", path: ["after"], message });
  })
  .transform(({ name, on, after, from, max_per_hour, max_per_day, breaker, ...task }) => ({
    ...{ name, on, after: after ?? null, from: from ?? null },
    guards: readGuards({ max_per_hour, max_per_day, breaker }),
    task,
  }));

export type TasksRule = z.infer<typeof tasksRuleSchema>;
