import type { Check } from "../proof/verdict.ts";

/** What a task cost, by what it was spent on. */
export type Spending = {
  /** Null: the price of a call is unknown. */
  usd: number | null;
  /** Includes the cached ones. */
  tokensIn: number;
  tokensOut: number;
  calls: number;
};

export type TaskCost = {
  totalUsd: number | null;
  byRole: (Spending & { role: string })[];
  byModel: (Spending & { model: string })[];
  byAttempt: (Spending & {
    subtask: string | null;
    attempt: number | null;
    role: string;
    model: string;
  })[];
  orchestrationShare: number;
};

/** A repository that tasks were given for. */
export type KnownRepository = {
  pathOrUrl: string;
  name: string;
  defaultBranch: string | null;
  tasks: number;
  lastUsedAt: Date;
  /** As its base said when a task was last prepared; null: none was. */
  checks: Pick<Check, "name" | "command" | "source">[] | null;
  setup: string[] | null;
  /** Null: none can work on it. */
  agent: string | null;
};

/** What a task would start with. */
export type TaskPreview = {
  repository: string;
  base: { ref: string; commit: string };
  checks: Pick<Check, "name" | "command" | "source">[];
  setup: string[];
  agent: string;
  assurance: string | null;
  wouldAskPlanner: boolean;
  why: string;
  warnings: string[];
};
