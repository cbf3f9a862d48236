import { isAbsolute } from "node:path";
import { z } from "zod";
import { ruleName, taskFields } from "../rule-fields.ts";

/** A folder whose files become tasks. What a file leaves out is as the rule says. */
const { goal, repository, ...defaults } = taskFields;

export const inboxRuleSchema = z
  .strictObject({
    name: ruleName.optional(),
    /** Default: `inbox` in the daemon's home, which is created. */
    path: z.string().max(4096).refine(isAbsolute, { error: "must be an absolute path" }).optional(),
    repository: repository.optional(),
    ...defaults,
  })
  .transform(({ name, path, ...task }) => ({ name: name ?? "inbox", path: path ?? null, task }));

export type InboxRule = z.infer<typeof inboxRuleSchema>;
