import type { Task } from "../core/task/task.ts";

/**
 * Whether a planner should look at a task first, and why, in one clause. Pure, and without a model:
 * a simple task costs nothing to decide. Only the caller's own words count; outside text can
 * neither request nor prevent a planner.
 */
type PlanWish = { plan: boolean; why: string };

type Asked = Pick<Task, "mode" | "goal" | "agent" | "expectsChange"> & {
  origin: Pick<Task["origin"], "outsideText">;
};

const longGoal = 2_000;
const manyDeliverables = 3;
const manyPlaces = 5;

/** `hasPlanner`: whether this daemon has a planner; only called if that decides. */
export function wantsPlan(task: Asked, hasPlanner: () => boolean): PlanWish {
  const direct = (why: string) => ({ plan: false, why });
  const plan = (why: string) => ({ plan: true, why });
  if (!task.expectsChange) return direct("a review is one piece of work");
  if (task.mode === "direct") return direct("asked for");
  if (task.mode === "plan") return plan("asked for");
  if (task.agent.startsWith("command:")) return direct("a program does it as a whole");
  if (task.origin.outsideText !== null) return direct("it is about one thing from outside");
  const size = describeSize(withoutQuotes(task.goal));
  if (size === null) return direct("the goal is one piece of work");
  return hasPlanner() ? plan(size) : direct("no planner is configured");
}

/** Why it is more than one piece of work; null: it is not. */
function describeSize(goal: string): string | null {
  const deliverables = countDeliverables(goal);
  if (deliverables >= manyDeliverables) return `the goal lists ${deliverables} deliverables`;
  const places = countPlaces(goal);
  if (places >= manyPlaces) return `the goal names ${places} places`;
  return goal.length > longGoal ? `the goal is long (${goal.length} characters)` : null;
}

/** Removes pasted code and logs, which say nothing about the amount of work. */
function withoutQuotes(goal: string): string {
  return goal
    .replace(/^(```|~~~)[\s\S]*?(?:^\1.*$|$(?![\s\S]))/gm, "")
    .replace(/^\s*>.*$/gm, "")
    .trim();
}

/** Items of the longest kind of list: lines with a bullet or a number, or inline (1) (2) (3). */
function countDeliverables(goal: string): number {
  const bullets = goal.match(/^\s*[-*•]\s+\S/gm)?.length ?? 0;
  const numbers = goal.match(/^\s*\d{1,2}[.)]\s+\S/gm)?.length ?? 0;
  const inline = new Set(goal.match(/(?<=\s|^)\(\d{1,2}\)(?=\s)/g)).size;
  return Math.max(bullets, numbers, inline);
}

/** The number of different files and folders, without URLs. */
function countPlaces(goal: string): number {
  const words = goal.replace(/\b[a-z]+:\/\/\S+/gi, " ").match(/[\w@.*-]+(?:\/[\w@.*-]*)*/g) ?? [];
  const places = words
    .map((word) => word.replace(/[./]+$/, ""))
    .filter((word) => /^[\w@.*-]+(\/[\w@.*-]+)+$/.test(word) || /\w\.[a-z]{1,5}$/i.test(word))
    .filter((word) => !/^\d+(\.\d+)*$/.test(word) && !/^(?:e\.g|i\.e|and\/or)$/i.test(word));
  return new Set(places).size;
}
