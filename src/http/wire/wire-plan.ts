import type { z } from "zod";
import type { Plan, PlanRecord } from "../../core/task/plan.ts";
import type { planWire } from "./schema-plan.ts";

type PlanWire = z.infer<typeof planWire>;

export function toPlanWire(record: PlanRecord): PlanWire {
  const { id, subtaskId, state, reason, plan, diff, refused, feedback, createdAt } = record;
  return {
    id,
    subtask_id: subtaskId,
    state,
    reason,
    plan: plan && describePlan(plan),
    diff,
    refused,
    feedback,
    created_at: createdAt.toISOString(),
  };
}

function describePlan({ mode, why, planner, subtasks }: Plan): NonNullable<PlanWire["plan"]> {
  return {
    mode,
    why,
    planner: planner && {
      agent: planner.agent,
      models: planner.models,
      problem: planner.problem,
      duration_ms: planner.durationMs,
      calls: planner.calls,
      input_tokens: planner.inputTokens,
      output_tokens: planner.outputTokens,
      cost_usd: planner.costUsd,
    },
    subtasks: subtasks.map(({ dependsOn, ...subtask }) => ({ ...subtask, depends_on: dependsOn })),
  };
}
