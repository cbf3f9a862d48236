import { z } from "zod";
import { agentNameHelp, parseAgentName } from "../settings/agent-name.ts";
import { normalWords } from "../text/normal-words.ts";

/** One subtask as a plan file writes it. */
export const subtaskSpecSchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, {
    error: "must be 1 to 64 letters, digits, - or _, starting with a letter or digit",
  }),
  title: z.string().min(1).max(200),
  brief: z.string().max(64_000).optional(),
  depends_on: z.array(z.string()).optional(),
  /** Globs of files it will write; subtasks whose globs overlap never run concurrently. */
  writes: z.array(z.string().min(1)).optional(),
  agent: z
    .string()
    .refine((text) => parseAgentName(text) !== null, {
      error: `is no known agent; ${agentNameHelp}`,
    })
    .optional(),
  checks: z.array(z.string().min(1).max(10_000)).max(50).optional(),
  kind: z.enum(["work", "plan"]).optional(),
});

/** `plan`: a part that is planned in detail only when its dependencies are done. */
type PlannedKind = "work" | "plan";
/** `replan`: its own attempts failed, and a planner replaces it by other parts. */
export const subtaskKinds = ["work", "plan", "replan"] as const;
export type SubtaskKind = (typeof subtaskKinds)[number];

/** A plan that passed validation: keys are unique, dependencies exist, no cycle. */
export type Plan = {
  mode: "direct" | "given" | "planned";
  /** Why this mode was chosen, one clause. */
  why: string;
  /** Null when no planner was asked: a given plan, or one subtask. */
  planner: PlannerWork | null;
  subtasks: PlannedSubtask[];
};

/** A planner's work on a plan. */
export type PlannerWork = {
  agent: string;
  /** Why it split the work like this, in its own words. */
  reason: string;
  /** What was wrong with its first answer, if it had to be asked twice. */
  problem: string | null;
  durationMs: number;
  models: string[];
  calls: number;
  inputTokens: number;
  outputTokens: number;
  /** Dollars; null: a price is unknown. */
  costUsd: number | null;
};

export type PlannedSubtask = {
  key: string;
  title: string;
  brief: string;
  dependsOn: string[];
  writes: string[];
  agent: string;
  checks: string[];
  kind: PlannedKind;
};

/** Further work that an agent asks for. */
export type FollowUp = { title: string; brief: string; writes: string[] };

/** A plan as proposed to a person, or a revision of one, for the record. */
export type PlanRecord = {
  id: string;
  taskId: string;
  /** The subtask that it was made for, or that asked for the revision; null: the whole task. */
  subtaskId: string | null;
  state: "proposed" | "accepted" | "rejected" | "revision";
  /** Null for a revision that an agent's findings or requests led to. */
  plan: Plan | null;
  /** For a revision: why, what changed, and what was asked for but not done. */
  reason: string;
  diff: string[];
  refused: string[];
  /** A person's reply to a rejected plan. */
  feedback: string | null;
  createdAt: Date;
};

/** What tells a plan from another: the briefs of its parts and their order, not the words around them. */
export type PlanShape = readonly { key: string; brief: string; dependsOn: readonly string[] }[];

/** Whether two plans have the same parts in the same order, as far as words without punctuation tell. */
export function isSamePlan(left: PlanShape, right: PlanShape): boolean {
  return JSON.stringify(normalParts(left)) === JSON.stringify(normalParts(right));
}

function normalParts(plan: PlanShape): string[][] {
  const briefs = new Map(plan.map(({ brief, key }) => [key, normalWords(brief)]));
  return plan
    .map(({ brief, dependsOn }) => [
      normalWords(brief),
      ...dependsOn.map((key) => briefs.get(key) ?? "").toSorted(),
    ])
    .toSorted((a, b) => (a.join("\n") < b.join("\n") ? -1 : 1));
}

export type PlanProblem = { index: number | null; field: string; message: string };

/**
 * The first problem in a plan's graph, or null: duplicate ids, unknown dependencies, and cycles,
 * which are listed in order ("a → b → a"). `index` is the subtask concerned.
 */
export function findPlanProblem(
  subtasks: readonly { id: string; depends_on?: readonly string[] | undefined }[],
): PlanProblem | null {
  const byId = new Map<string, number>();
  for (const [index, { id }] of subtasks.entries()) {
    if (byId.has(id)) return { index, field: "id", message: `the id "${id}" is used twice` };
    byId.set(id, index);
  }
  for (const [index, subtask] of subtasks.entries()) {
    const unknown = subtask.depends_on?.find((id) => !byId.has(id));
    if (unknown !== undefined) {
      return {
        index,
        field: "depends_on",
        message: `"${subtask.id}" depends on "${unknown}", which the plan does not have`,
      };
    }
  }
  const done = new Set<string>();
  for (const { id } of subtasks) {
    const cycle = findCycle(id, [], subtasks, byId, done);
    if (cycle) {
      return {
        index: byId.get(cycle[0] ?? id) ?? null,
        field: "depends_on",
        message: `the plan has a cycle: ${cycle.join(" → ")}`,
      };
    }
  }
  return null;
}

function findCycle(
  id: string,
  path: readonly string[],
  subtasks: readonly { id: string; depends_on?: readonly string[] | undefined }[],
  byId: ReadonlyMap<string, number>,
  done: Set<string>,
): string[] | null {
  if (done.has(id)) return null;
  const seenAt = path.indexOf(id);
  if (seenAt >= 0) return [...path.slice(seenAt), id];
  for (const next of subtasks[byId.get(id) ?? -1]?.depends_on ?? []) {
    const cycle = findCycle(next, [...path, id], subtasks, byId, done);
    if (cycle) return cycle;
  }
  done.add(id);
  return null;
}

type Node = { key: string; dependsOn: readonly string[] };

/** Whether a subtask depends on another one, directly or by others. Each is looked at once. */
export function buildsOn(subtask: Node, on: Node, all: readonly Node[]): boolean {
  const reached = new Set(subtask.dependsOn);
  // What is added meanwhile is looked at, too.
  for (const key of reached)
    for (const next of all.find((one) => one.key === key)?.dependsOn ?? []) reached.add(next);
  return reached.has(on.key);
}
