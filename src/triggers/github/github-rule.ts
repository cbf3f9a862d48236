import { z } from "zod";
import { proofLevels } from "../../core/proof/proof.ts";
import { agentNameHelp, parseAgentName } from "../../core/settings/agent-name.ts";
import { allowedPathSchema } from "../../core/text/path-glob.ts";
import { guardFields, readGuards } from "../guards/guard-rule.ts";
import { ruleName } from "../rule-fields.ts";

/** One rule for GitHub events: allowed fields, combinations, and defaults. */
export const triggerKinds = [
  "issues.opened",
  "issues.labeled",
  "issues.assigned",
  "workflow_run.failed",
  "check_run.failed",
  "pull_request.opened",
  "pull_request.synchronize",
  "pull_request.ready_for_review",
  "command",
  "own_check.failed",
  "own_review.submitted",
  "own_base.moved",
] as const;
export type TriggerKind = (typeof triggerKinds)[number];

/** Somebody's line in a comment; what it asks for is in read-command.ts. */
const isCommand = (kind: TriggerKind) => kind === "command";
/** About a pull request of ours: its task is worked on again, as it was submitted. */
const isOwn = (kind: TriggerKind) => kind.startsWith("own_");
const isRun = (kind: TriggerKind) => kind.endsWith("_run.failed");
const isIssue = (kind: TriggerKind) => kind.startsWith("issues.");
const isPull = (kind: TriggerKind) => kind.startsWith("pull_request.");

/** What a rule about pull requests of ours may say. */
const ownFields = ["on", "repository", "trusted", "name", ...Object.keys(guardFields)];

/** `own`: what of pull requests of ours the forge lets be looked after; `clone`: where from by default. */
const makeRuleSchema = ({ clone, own }: { clone: string; own: readonly TriggerKind[] }) =>
  z
    .strictObject({
      /** One event or a list of them. */
      on: z.preprocess(
        (value) => (typeof value === "string" ? [value] : value),
        z.array(z.enum(triggerKinds)).min(1),
      ),
      name: ruleName.optional(),
      /** Glob over `owner/name`; `*` does not cross the slash. */
      repository: z.string().min(1).max(200),
      /** Issues and pull requests: only with this label. Required for issues.labeled. */
      label: z.string().min(1).max(100).optional(),
      /** The login that an issue is given to. Required for issues.assigned. */
      assignee: z.string().min(1).max(100).optional(),
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
      /** Issues: whether the change closes the issue once it is merged. */
      closes: z.boolean().optional(),
      /** Whether a comment on the issue tells how the work goes. */
      comment: z.boolean().optional(),
      /** Judge files that may change all the same, as `--allow` takes them. */
      allow: z.array(allowedPathSchema).max(100).optional(),
      proof: z.enum(proofLevels).optional(),
      /**
       * Logins or account ids that count as having write access, whatever the event says about them.
       */
      trusted: z
        .array(z.union([z.string().min(1).max(100), z.number().int().positive()]))
        .max(200)
        .optional(),
      ...guardFields,
    })
    .superRefine((rule, context) => {
      const refuse = (field: string, message: string) =>
        context.addIssue({ code: "custom", path: [field], message });
      const recipe = recipeOf(rule);
      for (const kind of rule.on)
        if (isOwn(kind) && !own.includes(kind)) refuse("on", `${kind} is not there for this forge`);
      if (rule.on.some(isOwn)) {
        if (!rule.on.every(isOwn))
          refuse("on", "what is about pull requests of ours needs a rule of its own");
        for (const [field, value] of Object.entries(rule)) {
          if (value === undefined || ownFields.includes(field)) continue;
          refuse(field, "the task that delivered the pull request goes on as it was: leave it out");
        }
        return;
      }
      if (rule.on.includes("issues.labeled") && rule.label === undefined) {
        refuse("on", "issues.labeled needs a `label`, or every label would start a task");
      }
      if (rule.on.includes("issues.assigned") !== (rule.assignee !== undefined)) {
        refuse(
          "on",
          "issues.assigned and `assignee`, the login that it is given to, need each other",
        );
      }
      if (rule.label !== undefined && rule.on.some(isRun)) {
        refuse("label", "a failed run has no label");
      }
      if (rule.label !== undefined && rule.on.every(isCommand)) {
        refuse("label", "a command needs no label: leave it out");
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
      if (
        rule.closes !== undefined &&
        (recipe === "review" || !rule.on.every((kind) => isIssue(kind) || isCommand(kind)))
      ) {
        refuse("closes", "is for changes made for issues only");
      }
      if (rule.comment !== undefined && (recipe === "review" || rule.on.every(isRun))) {
        refuse("comment", "is for issues that are worked on: leave it out");
      }
      for (const field of ["checks", "allow", "proof"] as const) {
        if (recipe !== "review" || rule[field] === undefined) continue;
        refuse(field, "a review changes nothing, so there is nothing to check: leave it out");
      }
    })
    .transform((rule) => ({
      name: rule.name ?? null,
      guards: readGuards(rule),
      on: rule.on,
      repository: rule.repository,
      label: rule.label ?? null,
      assignee: rule.assignee ?? null,
      branch: rule.branch ?? null,
      recipe: recipeOf(rule),
      goal: rule.goal ?? null,
      clone: rule.clone ?? clone,
      checks: rule.checks ?? [],
      agent: rule.agent ?? null,
      deliver: rule.deliver ?? ("pr" as const),
      // A goal in other words may be less than the issue asks for.
      closes: rule.closes ?? (recipeOf(rule) === "change" && rule.goal === undefined),
      comment: rule.comment ?? !rule.on.some(isOwn),
      allow: rule.allow ?? [],
      proof: rule.proof ?? null,
      trusted: (rule.trusted ?? []).map((one) =>
        typeof one === "number" ? one : one.toLowerCase(),
      ),
    }));

export const githubRuleSchema = makeRuleSchema({
  ...{ clone: "https://github.com/{repository}.git" },
  own: ["own_check.failed", "own_review.submitted", "own_base.moved"],
});

/** Stands for the address of a forge, which the rules do not know; see place-clones.ts. */
export const forgeAddress = "{forge}";

/** Of Gitea, Forgejo and GitLab: neither tells of a review as a whole. */
export const otherForgeRuleSchema = makeRuleSchema({
  ...{ clone: `${forgeAddress}/{repository}.git`, own: ["own_check.failed"] },
});

function recipeOf({
  on,
  recipe,
}: {
  on: readonly TriggerKind[];
  recipe?: "review" | "change" | undefined;
}): "review" | "change" {
  const events = on.filter((kind) => !isCommand(kind));
  return recipe ?? (events.length > 0 && events.every(isPull) ? "review" : "change");
}

export type GithubRule = z.infer<typeof githubRuleSchema>;

/** Whether it is about pull requests of ours, so that it starts no task. */
export function isOwnRule({ on }: Pick<GithubRule, "on">): boolean {
  return on.some(isOwn);
}
