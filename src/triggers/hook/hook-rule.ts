import { isAbsolute } from "node:path";
import { z } from "zod";
import { guardFields, readGuards } from "../guards/guard-rule.ts";
import { ruleName, taskFields } from "../rule-fields.ts";

/** An address of its own for another program, `POST /hooks/in/NAME`, with a token of its own. */
const jsonPath = z.string().regex(/^[\w-]+(\.[\w-]+)*$/, {
  error: "must be the path of a field, like data.issue.level",
});

export const hookRuleSchema = z
  .strictObject({
    name: ruleName,
    /** The variable of the daemon's environment that holds the token. */
    token_env: z
      .string()
      .regex(/^[A-Za-z_]\w*$/, { error: "must be the name of an environment variable" })
      .optional(),
    /** A file that only the daemon's user may read. */
    token_file: z.string().refine(isAbsolute, { error: "must be an absolute path" }).optional(),
    /** Patterns over fields of the body; all must fit. */
    match: z.record(jsonPath, z.union([z.string().max(1000), z.number(), z.boolean()])).optional(),
    /** One active task for each; `{path}` stands for a field of the body. */
    subject: z.string().min(1).max(200).optional(),
    /** The header that tells one delivery from another. */
    delivery: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,100}$/, { error: "must be the name of a header" })
      .optional(),
    ...guardFields,
    ...taskFields,
  })
  .superRefine((rule, context) => {
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: "custom", path: [field], message });
    if (rule.token_env !== undefined && rule.token_file !== undefined)
      refuse("token_file", "is one place too many for the token: leave out this or token_env");
    if (rule.token_env === undefined && rule.token_file === undefined)
      refuse(
        "name",
        "needs its token: name its variable in `token_env` or its file in `token_file`",
      );
    for (const [, path] of rule.subject?.matchAll(/\{([^}]*)\}/g) ?? [])
      if (!jsonPath.safeParse(path).success)
        refuse("subject", `may hold fields like {data.id}, not {${path}}`);
  })
  .transform(({ name, token_env, token_file, match, subject, delivery, ...rest }) => {
    const { max_per_hour, max_per_day, breaker, ...task } = rest;
    return {
      name,
      tokenEnv: token_env ?? null,
      tokenFile: token_file ?? null,
      match: match ?? {},
      subject: subject ?? null,
      delivery: delivery?.toLowerCase() ?? null,
      guards: readGuards({ max_per_hour, max_per_day, breaker }),
      task,
    };
  });

export type HookRule = z.infer<typeof hookRuleSchema>;
