import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { DeputyError } from "../core/base/error.ts";
import { explainIssue } from "../core/base/explain-issue.ts";
import { findLine } from "../core/text/yaml-line.ts";
import { inboxRuleSchema } from "./folder/inbox-rule.ts";
import { githubRuleSchema, otherForgeRuleSchema } from "./github/github-rule.ts";
import { hookRuleSchema } from "./hook/hook-rule.ts";
import { scheduleRuleSchema } from "./schedule/schedule-rule.ts";
import { tasksRuleSchema } from "./tasks/tasks-rule.ts";
import { watchRuleSchema } from "./watch/watch-rule.ts";

/**
 * Which event starts what: `triggers.yaml` in the daemon's home, with a section for each source of
 * events. The owner writes it, so every decision (recipe, agent, checks, where to clone from, where
 * to deliver) comes from here and none from an event. Without the file nothing fires. The first
 * matching rule of a section wins.
 */
const sections = {
  github: githubRuleSchema,
  gitea: otherForgeRuleSchema,
  gitlab: otherForgeRuleSchema,
  schedule: scheduleRuleSchema,
  inbox: inboxRuleSchema,
  hook: hookRuleSchema,
  tasks: tasksRuleSchema,
  watch: watchRuleSchema,
};

const rulesOf = <Rule extends z.ZodType>(rule: Rule) =>
  z
    .array(rule)
    .max(200)
    .nullish()
    .transform((rules) => rules ?? []);

const triggerRulesSchema = z
  .strictObject({
    github: rulesOf(sections.github),
    gitea: rulesOf(sections.gitea),
    gitlab: rulesOf(sections.gitlab),
    schedule: rulesOf(sections.schedule),
    inbox: rulesOf(sections.inbox),
    hook: rulesOf(sections.hook),
    tasks: rulesOf(sections.tasks),
    watch: rulesOf(sections.watch),
  })
  .superRefine((rules, context) => {
    const seen = new Set<string>();
    const refuseTwice = (key: string, path: (string | number)[], message: string) => {
      if (seen.has(key)) context.addIssue({ code: "custom", path, message });
      seen.add(key);
    };
    for (const [section, list] of Object.entries(rules)) {
      for (const [index, rule] of list.entries()) {
        if (rule.name === null) continue;
        const message = `another rule is called ${rule.name}, too; give this one a \`name\` of its own`;
        refuseTwice(`name ${rule.name}`, [section, index, "name"], message);
      }
    }
    for (const [index, { path }] of rules.inbox.entries()) {
      const message = "another rule has this folder, too; give each its own";
      refuseTwice(`path ${path}`, ["inbox", index, "path"], message);
    }
  });

export type TriggerRules = z.infer<typeof triggerRulesSchema>;

/** The default without a file: nothing fires. */
export const noRules: TriggerRules = triggerRulesSchema.parse({});

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
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const keys = issue?.code === "unrecognized_keys" ? issue.keys : [];
  const where = [...(issue?.path ?? []), ...keys.slice(0, 1)].map((part) =>
    typeof part === "number" ? part : String(part),
  );
  const line = findLine(document, lines, where);
  const field = where.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
  const name = field.replace(/^\./, "") || "the file";
  const problem =
    keys.length > 0
      ? `${name}: is not a known key; ${listKnown(where[0], where.length > 1)}`
      : issue?.code === "custom"
        ? `${name}: ${issue.message}`
        : explainIssue(parsed.error, "the file").clause;
  throw new DeputyError("invalid_input", `${path}, line ${line}: ${problem}`, {
    field: name,
    line,
  });
}

function listKnown(section: string | number | undefined, isInRule: boolean): string {
  const schema = Object.entries(sections).find(([name]) => name === section)?.[1];
  return isInRule && schema
    ? `a rule has ${Object.keys(schema.def.in.shape).join(", ")}`
    : `the file has ${Object.keys(sections).join(", ")}`;
}

/** An empty file is an empty set of rules. The parser refuses too many aliases (a YAML bomb). */
function readDocument(document: ReturnType<typeof parseDocument>, path: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    throw new DeputyError("invalid_input", `${path}: ${(error as Error).message}`);
  }
}
