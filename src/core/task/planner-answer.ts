import { z } from "zod";
import { findPlanProblem, isSamePlan, type PlanShape } from "./plan.ts";

/**
 * A planner's answer and its validation. It has no agent, model, budget or approval: a planner
 * reads outside text, so it decides what is done, never by whom or whether. Unknown keys, such as
 * the reasoning that some models add, are dropped.
 */
export const maxPlannedSubtasks = 20;

const text = (max: number) => z.string().trim().min(1).max(max);

const subtaskSchema = z.object({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, {
    error: "must be 1 to 64 letters, digits, - or _, starting with a letter or digit",
  }),
  title: text(200),
  brief: text(32_000),
  writes: z.array(text(500)).max(200).default([]),
  checks: z.array(text(2_000)).max(20).default([]),
  depends_on: z.array(z.string()).max(maxPlannedSubtasks).default([]),
  independent: z.boolean().default(false),
  kind: z.enum(["work", "plan"]).default("work"),
});

const answerSchema = z.object({
  reason: z.string().trim().max(4_000).default(""),
  subtasks: z
    .array(subtaskSchema)
    .min(1)
    .max(maxPlannedSubtasks, {
      error: `must be at most ${maxPlannedSubtasks}`,
    }),
});

export type PlannerAnswer = z.infer<typeof answerSchema>;
type AnsweredSubtask = PlannerAnswer["subtasks"][number];

/** The JSON schema for models, without the limits that some providers' schemas cannot express. */
export const plannerOutputSchema: Record<string, unknown> = {
  type: "object",
  additionalProperties: false,
  required: ["reason", "subtasks"],
  properties: {
    reason: { type: "string", description: "Why the work is split like this, or not at all." },
    subtasks: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: [
          ...["id", "title", "brief", "writes", "checks", "depends_on", "independent", "kind"],
        ],
        properties: {
          id: { type: "string", description: "Letters, digits, - and _; unique in the plan." },
          title: { type: "string", description: "One line." },
          brief: { type: "string", description: "Everything that its agent needs to know." },
          writes: { type: "array", items: { type: "string" }, description: "Paths or globs." },
          checks: {
            type: "array",
            items: { type: "string" },
            description: "Shell commands that are green when it is done.",
          },
          depends_on: { type: "array", items: { type: "string" }, description: "Ids." },
          independent: {
            type: "boolean",
            description: "It may be done at the same time as other independent ones.",
          },
          kind: { type: "string", enum: ["work", "plan"] },
        },
      },
    },
  },
};

/**
 * Validates an answer; a problem is phrased so that its author can fix it. `mayPlan` is false
 * inside a sub-plan: plans nest one level only. `failed` holds the plans whose work failed: none of
 * them is made again.
 */
export function readPlannerAnswer(
  output: unknown,
  mayPlan: boolean,
  failed: readonly PlanShape[] = [],
): { answer: PlannerAnswer } | { problem: string } {
  const parsed = answerSchema.safeParse(output);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue?.path.map(String).join(".") || "the answer";
    return { problem: `the plan does not fit the schema: ${place}: ${issue?.message}` };
  }
  const { subtasks } = parsed.data;
  const wrong = findPlanProblem(subtasks);
  if (wrong) return { problem: wrong.message };
  const deeper = subtasks.find(({ kind }) => kind === "plan");
  if (deeper && !mayPlan) {
    return {
      problem: `"${deeper.id}" is of kind "plan", and a part of a plan has no plan below it`,
    };
  }
  const ordered = orderDependents(subtasks);
  const shape = ordered.map(({ brief, depends_on: dependsOn, id: key }) => ({
    ...{ key, brief, dependsOn },
  }));
  if (failed.some((one) => isSamePlan(one, shape))) {
    return { problem: "it is a plan that was worked on before, and failed" };
  }
  return { answer: { ...parsed.data, subtasks: ordered } };
}

/**
 * Only subtasks that both claim to be independent may run concurrently: in every other pair that no
 * dependency orders yet, the later one waits for the earlier.
 */
function orderDependents(subtasks: readonly AnsweredSubtask[]): AnsweredSubtask[] {
  const ordered = sortByDependencies(subtasks);
  const waitsFor = new Map<string, Set<string>>();
  const result = new Map<string, AnsweredSubtask>();
  for (const [at, subtask] of ordered.entries()) {
    const all = new Set<string>();
    const dependsOn: string[] = [];
    const add = (id: string) => {
      dependsOn.push(id);
      for (const one of [id, ...(waitsFor.get(id) ?? [])]) all.add(one);
    };
    for (const id of new Set(subtask.depends_on)) add(id);
    for (const earlier of ordered.slice(0, at).reverse()) {
      if (earlier.independent && subtask.independent) continue;
      if (!all.has(earlier.id)) add(earlier.id);
    }
    waitsFor.set(subtask.id, all);
    result.set(subtask.id, { ...subtask, depends_on: dependsOn });
  }
  return ordered.map(({ id }) => result.get(id)).filter((subtask) => subtask !== undefined);
}

/** Dependencies come first; otherwise the order stays. */
function sortByDependencies(subtasks: readonly AnsweredSubtask[]): AnsweredSubtask[] {
  const sorted: AnsweredSubtask[] = [];
  const placed = new Set<string>();
  while (sorted.length < subtasks.length) {
    const next = subtasks.find(
      ({ id, depends_on }) => !placed.has(id) && depends_on.every((other) => placed.has(other)),
    );
    if (!next) break; // a cycle: already refused
    placed.add(next.id);
    sorted.push(next);
  }
  return sorted;
}
