import { z } from "zod";
import { guardFields, readGuards } from "../guards/guard-rule.ts";
import { nameByGoal, ruleName, taskFields } from "../rule-fields.ts";
import { whyNoCron } from "./next-slot.ts";

/** A task that is started by the clock. */
export const scheduleRuleSchema = z
  .strictObject({
    name: ruleName.optional(),
    /** Five fields, or @hourly, @daily, @weekly, @monthly. */
    cron: z.string().min(1).max(200),
    /** The time zone whose clock it follows. */
    tz: z.string().min(1).max(100),
    /** `one`: of the slots that passed while the daemon was down, the latest is made up for. */
    catch_up: z.enum(["none", "one"]).optional(),
    ...guardFields,
    ...taskFields,
  })
  .superRefine((rule, context) => {
    const wrong = whyNoCron(rule);
    if (wrong) context.addIssue({ code: "custom", path: [wrong.field], message: wrong.message });
  })
  .transform(({ name, cron, tz, catch_up, max_per_hour, max_per_day, breaker, ...task }) => ({
    name: name ?? nameByGoal(task, "schedule"),
    cron,
    tz,
    catchUp: catch_up ?? ("none" as const),
    guards: readGuards({ max_per_hour, max_per_day, breaker }),
    task,
  }));

export type ScheduleRule = z.infer<typeof scheduleRuleSchema>;
