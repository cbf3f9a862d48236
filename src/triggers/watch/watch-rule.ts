import { isAbsolute } from "node:path";
import picomatch from "picomatch";
import { z } from "zod";
import { guardFields, readGuards } from "../guards/guard-rule.ts";
import { ruleName, taskFields } from "../rule-fields.ts";

/**
 * A checkout on this machine whose changes are events: with `command`, when that turns red; without
 * it, when files that match have another content.
 */
const { base: _, goal, repository, ...others } = taskFields;

/** From the checkout's root; the name of a folder stands for all that is in it. */
const globs = z
  .array(
    z
      .string()
      .min(1)
      .max(500)
      .refine((glob) => !/^[/!]|^~|(?:^|\/)\.\.(?:\/|$)/.test(glob), {
        error: "must be a path or glob from the checkout's root, as in `src/**`",
      }),
  )
  .min(1)
  .max(100)
  .optional();

export const watchRuleSchema = z
  .strictObject({
    name: ruleName,
    repository: repository.refine(isAbsolute, {
      error: "must be the absolute path of a checkout on this machine",
    }),
    /** Default: every file that git does not ignore. */
    paths: globs,
    ignore: globs,
    /** A shell command, as `checks` have them. */
    command: z.string().trim().min(1).max(10_000).optional(),
    run_minutes: z.number().positive().max(240).optional(),
    /** Changes are looked at once nothing changed for so long. */
    debounce_seconds: z.number().min(0.1).max(3600).optional(),
    /** Whether a person is asked before a task starts. */
    ask: z.boolean().optional(),
    goal: goal.optional(),
    ...guardFields,
    ...others,
  })
  .superRefine((rule, context) => {
    const { command, goal, run_minutes } = rule;
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: "custom", path: [field], message });
    if (command === undefined && goal === undefined)
      refuse("goal", "is missing: say what to do when files change, or give a `command` to watch");
    if (command === undefined && run_minutes !== undefined)
      refuse("run_minutes", "is for a rule with a `command`");
  })
  .transform((rule) => {
    const { name, repository, paths, ignore, command, run_minutes, ...rest } = rule;
    const { debounce_seconds, ask, goal, max_per_hour, max_per_day, breaker, ...task } = rest;
    return {
      ...{ name, repository, paths: paths ?? null, ignore: ignore ?? [] },
      ...{ command: command ?? null, goal: goal ?? null },
      runMs: Math.round((run_minutes ?? 30) * 60_000),
      debounceMs: Math.round((debounce_seconds ?? 2) * 1000),
      ask: ask ?? command !== undefined,
      guards: readGuards({ max_per_hour, max_per_day, breaker }),
      task: { ...task, repository },
    };
  });

export type WatchRule = z.infer<typeof watchRuleSchema>;

export type Scope = {
  /** A file. */
  holds(path: string): boolean;
  /** A folder: whether a file below it may be one. */
  mayHold(folder: string): boolean;
};

/** Which paths of the checkout a rule is about. */
export function scopeOf({ ignore, paths }: Pick<WatchRule, "paths" | "ignore">): Scope {
  const isIgnored = matcher(ignore);
  if (paths === null) {
    return { holds: (path) => !isIgnored(path), mayHold: (folder) => !isIgnored(folder) };
  }
  const isWanted = matcher(paths);
  const bases = paths.map((glob) => picomatch.scan(glob).base);
  const mayHold = (folder: string) =>
    bases.some((base) => base === "" || isWithin(folder, base) || isWithin(base, folder));
  return {
    holds: (path) => isWanted(path) && !isIgnored(path),
    mayHold: (folder) => mayHold(folder) && !isIgnored(folder),
  };
}

function matcher(globs: readonly string[]): (path: string) => boolean {
  const plain = globs.map((glob) => glob.replace(/^\.\//, "").replace(/\/+$/, ""));
  const matches = plain.map((glob) => picomatch([glob, `${glob}/**`], { dot: true }));
  return (path) => matches.some((match) => match(path));
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
