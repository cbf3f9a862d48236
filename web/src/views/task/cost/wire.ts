import type { CostView } from "../../../../../src/api/overview.ts";

/** What GET /v1/tasks/:id/cost answers, and a row of it. */
export type Cost = CostView;
export type Spent = Omit<Cost["by_role"][number], "role">;
