import { type Document, LineCounter, parseDocument } from "yaml";
import { DeputyError } from "../../core/base/error.ts";
import { explainIssue } from "../../core/base/explain-issue.ts";
import { type TaskInput, taskInputSchema } from "../../core/task/task.ts";
import { findLine } from "../../core/text/yaml-line.ts";
import type { InboxRule } from "./inbox-rule.ts";

/**
 * A task as a Markdown file: fields of the API as YAML between two lines `---`, and below them the
 * goal. Throws a DeputyError that names the file and the line.
 */
export function parseTaskFile(text: string, file: string, defaults: InboxRule["task"]): TaskInput {
  const refuse = (line: number, clause: string): never => {
    throw new DeputyError("invalid_input", `${file}, line ${line}: ${clause}.`, { line });
  };
  const whole = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  const [, front] = /^---[ \t]*\n((?:.*\n)*?)---[ \t]*(?:\n|$)/.exec(whole) ?? [];
  if (front === undefined && /^---[ \t]*(?:\n|$)/.test(whole))
    refuse(1, "the front matter that begins here has no second line ---");
  const lines = new LineCounter();
  const document = parseDocument(front ?? "", { lineCounter: lines, prettyErrors: false });
  const goalLine = front === undefined ? 1 : front.split("\n").length + 2;
  const broken = document.errors[0];
  if (broken) refuse(lines.linePos(broken.pos[0]).line + 1, withoutStop(broken.message));
  const fields = readFields(document, refuse);
  if (Object.hasOwn(fields, "goal"))
    refuse(findLine(document, lines, ["goal"]) + 1, '"goal" is the text below the front matter');
  const goal = whole
    .split("\n")
    .slice(goalLine - 1)
    .join("\n")
    .trim();
  const parsed = taskInputSchema.safeParse({ ...defaults, ...fields, goal });
  if (parsed.success) return parsed.data;
  const { clause, path } = explainIssue(parsed.error, "the file");
  if (path[0] === "goal")
    return refuse(
      goalLine,
      goal === "" ? "the goal is missing: write it below the front matter" : clause,
    );
  const isHere = front !== undefined && Object.hasOwn(fields, path[0] ?? "");
  const where = path.map((part) => (typeof part === "number" ? part : String(part)));
  return refuse(isHere ? findLine(document, lines, where) + 1 : 1, clause);
}

function readFields(
  document: Document,
  refuse: (line: number, clause: string) => never,
): Record<string, unknown> {
  let fields: unknown;
  try {
    fields = document.toJS() ?? {};
  } catch (error) {
    return refuse(1, withoutStop((error as Error).message)); // too many aliases
  }
  return typeof fields === "object" && fields !== null && !Array.isArray(fields)
    ? { ...fields }
    : refuse(2, "the front matter must be lines like `repository: /home/me/app`");
}

function withoutStop(message: string): string {
  return message.replace(/\.$/, "");
}
