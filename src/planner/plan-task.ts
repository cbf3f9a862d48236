import type { Plan, PlannedSubtask, PlannerWork } from "../core/task/plan.ts";
import type { PlannerAnswer } from "../core/task/planner-answer.ts";
import type { Task } from "../core/task/task.ts";
import { titleOfText } from "../core/text/title.ts";

/**
 * Makes a plan without a planner: a given plan is taken as it is, and otherwise the task is one
 * subtask. A planner's answer becomes a plan of the same shape; everything after this stage only
 * knows the Plan.
 */
export function planDirectly(task: Task, why: string): Plan {
  return {
    mode: "direct",
    why,
    planner: null,
    subtasks: [
      {
        key: "main",
        // Of the goal alone: it is read outside of the block for outside text.
        title: titleOfText(task.goal),
        brief: "",
        dependsOn: [],
        writes: [],
        agent: task.agent,
        checks: [],
        kind: "work",
      },
    ],
  };
}

export function planAsGiven(task: Task, given: NonNullable<Task["planInput"]>): Plan {
  return {
    mode: "given",
    why: "the caller gave it",
    planner: null,
    subtasks: given.subtasks.map((spec) => ({
      key: spec.id,
      title: spec.title,
      brief: spec.brief ?? "",
      dependsOn: spec.depends_on ?? [],
      writes: spec.writes ?? [],
      agent: spec.agent ?? task.agent,
      checks: spec.checks ?? [],
      kind: spec.kind ?? "work",
    })),
  };
}

/** The agent comes from the task, never from the planner. */
export function planAsAnswered(
  answer: PlannerAnswer,
  made: { agent: string; why: string; planner: PlannerWork },
): Plan {
  const toSubtask = (subtask: PlannerAnswer["subtasks"][number]): PlannedSubtask => ({
    key: subtask.id,
    title: subtask.title,
    brief: subtask.brief,
    dependsOn: subtask.depends_on,
    writes: subtask.writes,
    agent: made.agent,
    checks: subtask.checks,
    kind: subtask.kind,
  });
  const { why, planner } = made;
  return { mode: "planned", why, planner, subtasks: answer.subtasks.map(toSubtask) };
}
