import type { Plan, PlannerWork } from "../../core/task/plan.ts";
import { cleanOutsideText } from "../../core/text/outside-text.ts";

/**
 * Removes text from a plan that a reader would not see. Done before the plan is shown, so that
 * exactly what was shown runs.
 */
export function cleanPlan(plan: Plan): Plan {
  const clean = (text: string) => cleanOutsideText(text);
  return {
    ...plan,
    planner: plan.planner && { ...plan.planner, reason: clean(plan.planner.reason) },
    subtasks: plan.subtasks.map((subtask) => ({
      ...subtask,
      title: clean(subtask.title),
      brief: clean(subtask.brief),
      writes: subtask.writes.map(clean),
      checks: subtask.checks.map(clean),
    })),
  };
}

/**
 * A plan for the person who decides on it: all that will be done, in which order, and why. Pure.
 */
export function renderPlan(plan: Plan): string {
  const { subtasks } = plan;
  const count = `${subtasks.length} subtask${subtasks.length === 1 ? "" : "s"}`;
  return [
    `Run this plan (${count}, ${describeMaker(plan)})? Answer "approve" to run it, "cancel" to end the task; any other answer is feedback for another plan.`,
    ...(plan.planner?.reason ? [`Why like this: ${plan.planner.reason}`] : []),
    ...subtasks.map((subtask, index) =>
      [
        `${index + 1}. ${subtask.key}: ${subtask.title}${subtask.kind === "plan" ? " (is planned further when its turn comes)" : ""}`,
        ...line("after", subtask.dependsOn),
        ...line("writes", subtask.writes),
        ...line("checks", subtask.checks),
        ...line("agent", [subtask.agent]),
        ...(subtask.brief === "" ? [] : [`   ${subtask.brief.replaceAll("\n", "\n   ")}`]),
      ].join("\n"),
    ),
  ].join("\n\n");
}

/** "planned by builtin (gpt-5.5): asked for" */
export function describeMaker({ mode, planner, why }: Plan): string {
  if (!planner) return `${mode}: ${why}`;
  const { agent, models } = planner;
  return `planned by ${agent}${models.length > 0 ? ` (${models.join(", ")})` : ""}: ${why}`;
}

/** A planner's work, for an event: "builtin planned 3 subtasks in 12.3 s, 4 calls". */
export function describeWork({ subtasks, why }: Plan, planner: PlannerWork): string {
  const count = subtasks.length;
  const calls =
    planner.calls === 0 ? "" : `, ${planner.calls} call${planner.calls === 1 ? "" : "s"}`;
  const twice = planner.problem === null ? "" : `, asked twice (at first ${planner.problem})`;
  return `${planner.agent} planned ${count} subtask${count === 1 ? "" : "s"} in ${(planner.durationMs / 1000).toFixed(1)} s${calls}${twice}; asked because: ${why}${planner.reason ? `. ${planner.reason}` : ""}`;
}

function line(name: string, values: readonly string[]): string[] {
  return values.length === 0 ? [] : [`   ${name}: ${values.join(", ")}`];
}
