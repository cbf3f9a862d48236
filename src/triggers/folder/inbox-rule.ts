import { isAbsolute } from "node:path";
import { z } from "zod";
import { guardFields, readGuards } from "../guards/guard-rule.ts";
import { ruleName, taskFields } from "../rule-fields.ts";

/** A folder whose files become tasks. What a file leaves out is as the rule says. */
const { goal, repository, ...defaults } = taskFields;

export const inboxRuleSchema = z
  .strictObject({
    name: ruleName.optional(),
    /** Default: `inbox` in the daemon's home, which is created. */
    path: z.string().max(4096).refine(isAbsolute, { error: "must be an absolute path" }).optional(),
    repository: repository.optional(),
    ...guardFields,
    ...defaults,
  })
  .transform(({ name, path, max_per_hour, max_per_day, breaker, ...task }) => ({
    name: name ?? "inbox",
    path: path ?? null,
    guards: readGuards({ max_per_hour, max_per_day, breaker }),
    task,
  }));

export type InboxRule = z.infer<typeof inboxRuleSchema>;
