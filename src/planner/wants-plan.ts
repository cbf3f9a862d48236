import type { Task } from "../core/task/task.ts";

/**
 * Whether a planner should look at a task first, and why, in one clause. Without a model: a simple
 * task costs nothing to decide. Only the caller's own words count; outside text can neither request
 * nor prevent a planner. A planner that answers with one part has cost as much as a third of the work,
 * so a goal of a few parts is planned only where they are clearly apart, or where the repository is too
 * large for one agent to know.
 */
type PlanWish = { plan: boolean; why: string };

type Asked = Pick<Task, "mode" | "goal" | "agent" | "expectsChange"> & {
  origin: Pick<Task["origin"], "outsideText">;
};

const longGoal = 2_000;
const manyDeliverables = 3;
const manyPlaces = 5;
/** So many parts that they are planned wherever they are. */
const clearly = 2;
const apartPlaces = 3;
/** One agent can look through these within its turns. */
const fewFiles = 200;

/**
 * `hasPlanner`: whether this daemon has a planner. `countFiles`: of the base commit. Each is only
 * called if it decides.
 */
export async function wantsPlan(
  task: Asked,
  hasPlanner: () => boolean,
  countFiles: () => Promise<number>,
): Promise<PlanWish> {
  const direct = (why: string) => ({ plan: false, why });
  const plan = (why: string) => ({ plan: true, why });
  if (!task.expectsChange) return direct("a review is one piece of work");
  if (task.mode === "direct") return direct("asked for");
  if (task.mode === "plan") return plan("asked for");
  if (task.agent.startsWith("command:")) return direct("a program does it as a whole");
  if (task.origin.outsideText !== null) return direct("it is about one thing from outside");
  const size = readSize(withoutQuotes(task.goal));
  if (size === null) return direct("the goal is one piece of work");
  if (!hasPlanner()) return direct("no planner is configured");
  if (size.isClear) return plan(size.says);
  const files = await countFiles();
  if (files > fewFiles) return plan(`${size.says}, in a repository of ${files} files`);
  return direct(
    `${size.says}, which is one part in a repository of ${files} files; \`--mode plan\` asks a planner`,
  );
}

/** What says that it is more than one piece of work, and whether that is clear; null: nothing does. */
function readSize(goal: string): { says: string; isClear: boolean } | null {
  const deliverables = countDeliverables(goal);
  const places = countPlaces(goal);
  const found = [
    {
      says: `the goal lists ${deliverables} deliverables`,
      share: deliverables / manyDeliverables,
      isApart: places >= apartPlaces,
    },
    { says: `the goal names ${places} places`, share: places / manyPlaces, isApart: false },
    {
      says: `the goal is long (${goal.length} characters)`,
      share: goal.length / longGoal,
      isApart: false,
    },
  ].filter(({ share }) => share >= 1);
  const [first] = found;
  if (!first) return null;
  const isClear = found.some(({ isApart, share }) => isApart || share >= clearly);
  return { says: first.says, isClear };
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
