import type { PlanRecord } from "../../core/task/plan.ts";
import type { Subtask, Task } from "../../core/task/task.ts";

/**
 * The receipt's account of the plan: who made it and why, what a person sent back, how it was
 * revised, which agents' requests were refused, and its final form.
 */
export function describePlan(
  task: Pick<Task, "planInput" | "approval">,
  subtasks: readonly Subtask[],
  plans: readonly PlanRecord[],
) {
  const ran = plans.findLast(({ state, subtaskId }) => state === "accepted" && subtaskId === null);
  const made = ran?.plan ?? null;
  return {
    mode: made?.mode ?? (task.planInput ? ("given" as const) : ("direct" as const)),
    why: made?.why ?? null,
    planned_by: made?.planner
      ? {
          agent: made.planner.agent,
          models: made.planner.models,
          reason: made.planner.reason,
          problem: made.planner.problem,
          duration_ms: made.planner.durationMs,
          calls: made.planner.calls,
          input_tokens: made.planner.inputTokens,
          output_tokens: made.planner.outputTokens,
          cost_usd: made.planner.costUsd,
        }
      : null,
    /** Whether a person approved it before anything ran. */
    approved: task.approval === "plan" && ran !== undefined,
    sent_back: plans.flatMap(({ state, plan, feedback }) =>
      state === "rejected" && plan
        ? [{ subtasks: plan.subtasks.map(({ title }) => title), feedback }]
        : [],
    ),
    revisions: plans.flatMap(({ state, reason, diff, refused, createdAt }) =>
      state === "revision" ? [{ reason, diff, refused, at: createdAt.toISOString() }] : [],
    ),
    subtasks: subtasks.map(({ key, title, dependsOn, writes, agent, state, integratedCommit }) => ({
      key,
      title,
      depends_on: dependsOn,
      writes,
      agent,
      state,
      commit: integratedCommit,
    })),
  };
}

type PlanAccount = ReturnType<typeof describePlan>;

/** The account in sentences for people; the subtasks have a table of their own. */
export function renderPlanAccount(plan: PlanAccount): string[] {
  const { planned_by: by } = plan;
  const models = by && by.models.length > 0 ? ` (${by.models.join(", ")})` : "";
  const cost = by
    ? `, in ${(by.duration_ms / 1000).toFixed(1)} s, ${by.calls} calls, ${by.input_tokens + by.output_tokens} tokens`
    : "";
  return [
    ...(plan.mode === "direct" && plan.why ? [`One part, without a planner: ${plan.why}.`] : []),
    ...(by ? [`Planned by \`${by.agent}\`${models}${cost}, because: ${plan.why}.`] : []),
    ...(by?.problem ? [`Its first answer was refused: ${by.problem}.`] : []),
    ...(by?.reason ? [`Its reason: ${by.reason}`] : []),
    ...(plan.approved ? ["A person approved it before anything ran."] : []),
    ...plan.sent_back.map(
      ({ subtasks, feedback }) =>
        `A plan of ${subtasks.length} subtasks was sent back: ${feedback ?? "no reason was given"}`,
    ),
    ...plan.revisions.flatMap(({ reason, diff, refused }) => [
      `Revised: ${reason}.${diff.map((line) => ` ${line}.`).join("")}`,
      ...refused.map((line) => `Not added: ${line}.`),
    ]),
  ];
}
