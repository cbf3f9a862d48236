import type { Plan } from "../core/plan.ts";
import type { Task } from "../core/task.ts";
import { firstLine } from "./intake.ts";

/**
 * Task → Plan. A plan that came with the task is taken as it is; without one the task is done
 * directly, as one subtask, with no planner and no model call. (A planner that asks a model is a
 * further case here; everything after this stage only knows the Plan.)
 */
export function planTask(task: Task): Plan {
  if (!task.planInput) {
    return {
      mode: "direct",
      subtasks: [
        {
          key: "main",
          title: firstLine(task.goal, 72),
          brief: "",
          dependsOn: [],
          writes: [],
          agent: task.agent,
          checks: [],
        },
      ],
    };
  }
  return {
    mode: "given",
    subtasks: task.planInput.subtasks.map((spec) => ({
      key: spec.id,
      title: spec.title,
      brief: spec.brief ?? "",
      dependsOn: spec.depends_on ?? [],
      writes: spec.writes ?? [],
      agent: spec.agent ?? task.agent,
      checks: spec.checks ?? [],
    })),
  };
}
