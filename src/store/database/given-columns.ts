import type { Task } from "../../core/task/task.ts";

/** The columns of a task that its caller decides, with their types in SQL. */
export const givenColumns = {
  goal: "text",
  repository: "text",
  base: "text",
  agent: "text",
  agentNamed: "bool",
  checks: "jsonb",
  planInput: "jsonb",
  mode: "text",
  approval: "text",
  attachments: "jsonb",
  delivery: "text",
  expectsChange: "bool",
  allowTestChanges: "bool",
  includeUncommitted: "bool",
  fresh: "bool",
  allow: "jsonb",
  proof: "text",
  assurance: "text",
  whenStuck: "text",
  attemptTimeoutMs: "bigint",
  budget: "jsonb",
  origin: "jsonb",
} as const satisfies Partial<Record<keyof Task, string>>;
export type GivenColumn = keyof typeof givenColumns;

export const givenNames = Object.keys(givenColumns) as GivenColumn[];
