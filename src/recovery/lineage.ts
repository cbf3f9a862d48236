import type { Attempt, Subtask, Task } from "../core/task/task.ts";
import { countedKinds } from "./ladder.ts";

/**
 * A lineage is a subtask of the first plan with all that plans made anew put in its place. What it
 * may cost in all is bounded, whatever its planners think of. Pure; both limits are read from rows,
 * and only a person's retry gives more.
 */
export const maxReplans = 2;
/** Failed attempts that count, over the whole lineage, after which nothing is planned anew. */
export const maxLineageFailures = 18;

type Member = Pick<Subtask, "id" | "firstCountedAttempt" | "lineage">;

/**
 * Whether a planner may replace a subtask whose attempts failed. Not where a person wanted it done
 * directly, approved the plan as it is or gave the part checks, which other parts would not be held
 * to; a command does a task as a whole, unless one was planned.
 */
export function mayPlanAnew(
  task: Pick<Task, "approval" | "expectsChange" | "mode" | "planInput">,
  subtask: Member & Pick<Subtask, "agent" | "key" | "kind" | "replans">,
  {
    attempts,
    hasPlanner,
    subtasks,
  }: {
    /** Of the whole task, as are the subtasks. */
    attempts: readonly Attempt[];
    subtasks: readonly Member[];
    hasPlanner: boolean;
  },
): boolean {
  return (
    hasPlanner &&
    task.expectsChange &&
    task.mode !== "direct" &&
    task.approval !== "plan" &&
    !hasGivenChecks(task, subtask) &&
    subtask.kind === "work" &&
    (task.mode === "plan" || !subtask.agent.startsWith("command:")) &&
    subtask.replans < maxReplans &&
    countFailures(rootOf(subtask), subtasks, attempts) < maxLineageFailures
  );
}

function hasGivenChecks({ planInput }: Pick<Task, "planInput">, { key }: Pick<Subtask, "key">) {
  const given = planInput?.subtasks.find(({ id }) => id === key);
  return (given?.checks ?? []).length > 0;
}

/** The id of the subtask of the first plan. */
export function rootOf({ id, lineage }: Pick<Subtask, "id" | "lineage">): string {
  return lineage ?? id;
}

function countFailures(
  root: string,
  subtasks: readonly Member[],
  attempts: readonly Attempt[],
): number {
  const members = new Map(
    subtasks.flatMap((subtask) => (rootOf(subtask) === root ? [[subtask.id, subtask]] : [])),
  );
  return attempts.filter(({ decision, number, subtaskId }) => {
    const member = members.get(subtaskId);
    return member && decision && number >= member.firstCountedAttempt
      ? countedKinds.has(decision.kind)
      : false;
  }).length;
}
