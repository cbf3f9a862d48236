import { isMap, isNode, isSeq, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { DeputyError } from "../../core/base/error.ts";
import { explainIssue } from "../../core/base/explain-issue.ts";
import { findPlanProblem, type PlanProblem, subtaskSpecSchema } from "../../core/task/plan.ts";
import type { Task } from "../../core/task/task.ts";
import { findUnstorable } from "../../core/text/storable.ts";

/**
 * A plan file: `subtasks:` with a list, or only the list. Errors name the line, before anything is
 * created.
 */
const planFileSchema = z.strictObject({ subtasks: z.array(subtaskSpecSchema).min(1).max(200) });

type PlanInput = NonNullable<Task["planInput"]>;

export function parsePlanYaml(text: string): PlanInput {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntax = document.errors[0];
  if (syntax) throw badPlan(lines.linePos(syntax.pos[0]).line, syntax.message.split("\n")[0] ?? "");
  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 50 });
  } catch (error) {
    throw badPlan(1, (error as Error).message);
  }
  const value = Array.isArray(raw) ? { subtasks: raw } : raw;
  const parsed = planFileSchema.safeParse(value);
  const lineOf = (path: readonly PropertyKey[]): number => {
    const steps = Array.isArray(raw) ? path.slice(1) : path;
    for (let length = steps.length; length > 0; length--) {
      const node = document.getIn(steps.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
  if (!parsed.success) {
    const { clause, path, unknownKey } = explainIssue(parsed.error, "the plan");
    if (unknownKey === null) throw badPlan(lineOf(path), clause);
    const parent = document.getIn(path.slice(Array.isArray(raw) ? 1 : 0, -1), true);
    const known = path.length === 1 ? planFileSchema.shape : subtaskSpecSchema.shape;
    throw badPlan(
      keyLine(parent ?? document.contents, unknownKey, lines) ?? lineOf(path),
      `unknown key "${unknownKey}"; ${path.length === 1 ? "a plan" : "a subtask"} has ${Object.keys(known).join(", ")}`,
    );
  }
  const stray = findUnstorable(raw);
  if (stray) {
    const reason = "a text holds a NUL or half of a surrogate pair, which cannot be stored";
    throw badPlan(lineOf(Array.isArray(raw) ? ["subtasks", ...stray] : stray), reason);
  }
  const problem = findPlanProblem(parsed.data.subtasks);
  if (problem) throw badPlan(lineOf(problemPath(problem)), problem.message);
  return parsed.data;
}

/** The same rules for a plan given as JSON: errors name a field instead of a line. */
export function checkPlan(plan: PlanInput): void {
  const problem = findPlanProblem(plan.subtasks);
  if (!problem) return;
  throw new DeputyError("invalid_input", `The plan is refused: ${problem.message}.`, {
    field: `plan.${describePath(problemPath(problem))}`,
  });
}

function problemPath(problem: PlanProblem): PropertyKey[] {
  return problem.index === null ? ["subtasks"] : ["subtasks", problem.index, problem.field];
}

function badPlan(line: number, message: string): DeputyError {
  return new DeputyError("invalid_input", `The plan is refused, line ${line}: ${message}.`, {
    field: "plan_yaml",
    line,
  });
}

function describePath(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === "number" ? `[${step}]` : String(step)))
    .join(".")
    .replaceAll(".[", "[");
}

function keyLine(node: unknown, key: string, lines: LineCounter): number | null {
  if (isSeq(node) || !isMap(node)) return null;
  const pair = node.items.find((item) => isNode(item.key) && String(item.key) === key);
  return pair && isNode(pair.key) && pair.key.range ? lines.linePos(pair.key.range[0]).line : null;
}
