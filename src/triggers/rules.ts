import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { DeputyError } from "../core/base/error.ts";
import { explainIssue } from "../core/base/explain-issue.ts";
import { findLine } from "../core/text/yaml-line.ts";
import { type GithubRule, githubRuleSchema } from "./github/github-rule.ts";

/**
 * Which outside event starts what: `.deputy/triggers.yaml` in the daemon's home. The owner writes
 * it, so every decision (recipe, agent, checks, where to clone from, where to deliver) comes from
 * here and none from an event. Without the file nothing fires. The first matching rule wins.
 */
const triggerRulesSchema = z.strictObject({
  github: z.array(githubRuleSchema).max(200).nullable().optional(),
});

export type TriggerRules = { github: GithubRule[] };

/** The default without a file: nothing fires. */
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
  const name = field.replace(/^\./, "") || "the file";
  const problem =
    keys.length > 0
      ? `${name}: is not a known key; ${where.length > 1 ? `a rule has ${Object.keys(githubRuleSchema.def.in.shape).join(", ")}` : "the file has github"}`
      : issue?.code === "custom"
        ? `${name}: ${issue.message}`
        : explainIssue(parsed.error, "the file").clause;
  throw new DeputyError("invalid_input", `${path}, line ${line}: ${problem}`, {
    field: name,
    line,
  });
}

/** An empty file is an empty set of rules. The parser refuses too many aliases (a YAML bomb). */
function readDocument(document: ReturnType<typeof parseDocument>, path: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    throw new DeputyError("invalid_input", `${path}: ${(error as Error).message}`);
  }
}
