import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { agentNameHelp, parseAgentName } from "../core/agent-name.ts";
import { DeputyError } from "../core/error.ts";
import { findLine } from "./yaml-line.ts";

/**
 * Which outside event starts what: `.deputy/triggers.yaml` in the daemon's home. The owner writes
 * it, so everything that decides (recipe, agent, checks, where to clone from, where to deliver)
 * comes from here and nothing of it from an event. Without the file nothing fires. The first rule
 * that fits an event is the one that counts.
 */
export const triggerKinds = [
  "issues.opened",
  "issues.labeled",
  "workflow_run.failed",
  "check_run.failed",
  "pull_request.opened",
  "pull_request.synchronize",
  "pull_request.ready_for_review",
] as const;
export type TriggerKind = (typeof triggerKinds)[number];

const isRun = (kind: TriggerKind) => kind.endsWith(".failed");
const isPull = (kind: TriggerKind) => kind.startsWith("pull_request.");

const githubRuleSchema = z
  .strictObject({
    /** One event or a list of them. */
    on: z.preprocess(
      (value) => (typeof value === "string" ? [value] : value),
      z.array(z.enum(triggerKinds)).min(1),
    ),
    /** Glob over `owner/name`; `*` does not cross the slash. */
    repository: z.string().min(1).max(200),
    /** Issues and pull requests: only with this label. Required for issues.labeled. */
    label: z.string().min(1).max(100).optional(),
    /** Failed runs: glob over the branch that failed. */
    branch: z.string().min(1).max(200).optional(),
    /** `change` delivers code, `review` reads and delivers a comment. */
    recipe: z.enum(["change", "review"]).optional(),
    goal: z.string().trim().min(1).max(10_000).optional(),
    /** A URL or an absolute path; `{repository}` stands for owner/name. */
    clone: z
      .string()
      .min(1)
      .max(1000)
      .refine((text) => !/[{}]/.test(text.replaceAll("{repository}", "")), {
        error: "may contain {repository} and no other {…}",
      })
      .refine((text) => !text.startsWith("-"), { error: "must not start with -" })
      .optional(),
    checks: z.array(z.string().min(1).max(10_000)).max(50).optional(),
    agent: z
      .string()
      .refine((text) => parseAgentName(text) !== null, {
        error: `is no known agent; ${agentNameHelp}`,
      })
      .optional(),
    deliver: z.enum(["branch", "pr"]).optional(),
    /** Logins that count as having write access, whatever the event says of them. */
    trusted: z.array(z.string().min(1).max(100)).max(200).optional(),
  })
  .superRefine((rule, context) => {
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: "custom", path: [field], message });
    const recipe = rule.recipe ?? (rule.on.every(isPull) ? "review" : "change");
    if (rule.on.includes("issues.labeled") && rule.label === undefined) {
      refuse("on", "issues.labeled needs a `label`, or every label would start a task");
    }
    if (rule.label !== undefined && rule.on.some(isRun)) {
      refuse("label", "a failed run has no label");
    }
    if (rule.branch !== undefined && !rule.on.every(isRun)) {
      refuse("branch", "is for workflow_run.failed and check_run.failed only");
    }
    if (recipe === "change" && rule.on.some(isPull)) {
      refuse("recipe", "a pull request can only be reviewed: use `recipe: review`");
    }
    if (recipe === "review" && rule.on.some(isRun)) {
      refuse("recipe", "a failed run has no place for a comment: use `recipe: change`");
    }
    if (recipe === "review" && rule.deliver !== undefined) {
      refuse("deliver", "a review delivers a comment: leave `deliver` out");
    }
    if (recipe === "review" && rule.checks !== undefined) {
      refuse("checks", "a review changes nothing, so there is nothing to check: leave it out");
    }
  })
  .transform((rule) => ({
    on: rule.on,
    repository: rule.repository,
    label: rule.label ?? null,
    branch: rule.branch ?? null,
    recipe: rule.recipe ?? (rule.on.every(isPull) ? ("review" as const) : ("change" as const)),
    goal: rule.goal ?? null,
    clone: rule.clone ?? "https://github.com/{repository}.git",
    checks: rule.checks ?? [],
    agent: rule.agent ?? null,
    deliver: rule.deliver ?? ("pr" as const),
    trusted: (rule.trusted ?? []).map((login) => login.toLowerCase()),
  }));

const triggerRulesSchema = z.strictObject({
  github: z.array(githubRuleSchema).max(200).nullable().optional(),
});

export type GithubRule = z.infer<typeof githubRuleSchema>;
export type TriggerRules = { github: GithubRule[] };

/** What holds without a file: nothing fires. */
export const noRules: TriggerRules = { github: [] };

/** Read the text of a rules file. Throws a DeputyError that names the file, the line and the field. */
export function parseTriggerRules(text: string, path: string): TriggerRules {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken) {
    const line = lines.linePos(broken.pos[0]).line;
    throw new DeputyError("invalid_input", `${path}, line ${line}: ${broken.message}`, { line });
  }
  const parsed = triggerRulesSchema.safeParse(readDocument(document, path));
  if (parsed.success) return { github: parsed.data.github ?? [] };
  const issue = parsed.error.issues[0];
  const keys = issue?.code === "unrecognized_keys" ? issue.keys : [];
  const where = [...(issue?.path ?? []), ...keys.slice(0, 1)].map((part) =>
    typeof part === "number" ? part : String(part),
  );
  const line = findLine(document, lines, where);
  const field = where.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
  const message =
    keys.length > 0
      ? `is no known key; a rule has ${Object.keys(githubRuleSchema.def.in.shape).join(", ")}`
      : (issue?.message ?? "is wrong");
  const name = field.replace(/^\./, "") || "the file";
  throw new DeputyError("invalid_input", `${path}, line ${line}: ${name}: ${message}`, {
    field: name,
    line,
  });
}

/** An empty file is an empty set of rules. Too many aliases (a bomb) are refused by the parser. */
function readDocument(document: ReturnType<typeof parseDocument>, path: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    throw new DeputyError("invalid_input", `${path}: ${(error as Error).message}`);
  }
}
