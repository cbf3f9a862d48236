import type { FollowUp } from "../../core/task/plan.ts";
import type { Subtask } from "../../core/task/task.ts";
import { cleanText, cutText } from "../../core/text/clean-text.ts";
import { wrapOutsideText } from "../../core/text/data-block.ts";
import { normalWords } from "../../core/text/normal-words.ts";
import { cleanOutsideText } from "../../core/text/outside-text.ts";

/**
 * Turns what an agent learned and asked for into a revision of the plan. Pure. Only blocked
 * subtasks change: their brief gets the discoveries, as data. Requested work becomes new subtasks,
 * within limits. Subtasks that run or have run are never touched.
 */
type Revision = {
  added: AddedSubtask[];
  changed: { id: string; brief: string }[];
  /** Requests that were not granted, each with the reason. */
  refused: string[];
  /** The changes for people, one per line: "+ key: title", "~ key: …". */
  diff: string[];
};

type AddedSubtask = Pick<
  Subtask,
  "key" | "title" | "brief" | "dependsOn" | "writes" | "agent" | "kind" | "depth"
>;

type Node = Pick<
  Subtask,
  "id" | "key" | "title" | "brief" | "state" | "dependsOn" | "agent" | "depth"
>;

type RevisionCaps = {
  /** Maximum depth of chained requests: a follow-up of a follow-up is 2. */
  maxDepth: number;
  /** Maximum number of subtasks added by agents, per task. */
  maxAdded: number;
  /** Follow-ups are added while at most this fraction of the budget is used. */
  maxBudgetShare: number;
};

export const revisionCaps: RevisionCaps = { maxDepth: 2, maxAdded: 8, maxBudgetShare: 0.5 };

const maxBrief = 64_000;
const maxDiscoveries = 8_000;

export function revisePlan(
  subtasks: readonly Node[],
  from: Node,
  asked: { discoveries: readonly string[]; followUps: readonly FollowUp[] },
  limits: RevisionCaps & {
    /** The used fraction of the budget; null: no budget. */
    budgetShare: number | null;
    /** Why nothing may be added to this task; null: it may. */
    closed: string | null;
  },
): Revision {
  const { added, refused } = takeFollowUps(subtasks, from, asked.followUps, limits);
  const told = tellDependents(subtasks, from, asked.discoveries);
  return {
    added,
    changed: told.changed,
    refused: [...refused, ...told.refused],
    diff: [
      ...added.map(({ key, title }) => `+ ${key}: ${title} (asked for by "${from.key}")`),
      ...told.keys.map((key) => `~ ${key}: its brief now has the discoveries of "${from.key}"`),
    ],
  };
}

function takeFollowUps(
  subtasks: readonly Node[],
  from: Node,
  followUps: readonly FollowUp[],
  limits: Parameters<typeof revisePlan>[3],
): { added: AddedSubtask[]; refused: string[] } {
  const added: AddedSubtask[] = [];
  const refused: string[] = [];
  const keys = new Set(subtasks.map(({ key }) => key));
  const titles = new Set(subtasks.map(({ title }) => normalWords(title)));
  const before = subtasks.filter(({ depth }) => depth > 0).length;
  for (const { title: given, brief, writes } of followUps) {
    const title = cutText(cleanText(given).replace(/\s+/g, " ").trim(), 200);
    if (title === "") continue;
    const depth = from.depth + 1;
    const share = limits.budgetShare;
    const why =
      limits.closed ??
      (titles.has(normalWords(title))
        ? "the plan has it already"
        : depth > limits.maxDepth
          ? `it would be number ${depth} of a chain of requests, and ${limits.maxDepth} is the limit`
          : before + added.length >= limits.maxAdded
            ? `agents have asked for ${limits.maxAdded} subtasks already, which is the limit`
            : share !== null && share > limits.maxBudgetShare
              ? `${Math.round(share * 100)} % of the budget is used; from ${Math.round(limits.maxBudgetShare * 100)} % on nothing is added`
              : null);
    if (why !== null) {
      refused.push(`"${title}": ${why}`);
      continue;
    }
    const key = freeKey(`${from.key}-more`, keys);
    keys.add(key);
    titles.add(normalWords(title));
    added.push({
      key,
      title,
      brief: describeFollowUp(from, brief),
      dependsOn: [from.key],
      writes: writes.map((glob) => cleanText(glob).trim()).filter((glob) => glob !== ""),
      agent: from.agent,
      kind: "work",
      depth,
    });
  }
  return { added, refused };
}

function describeFollowUp(from: Node, brief: string): string {
  return `The agent of "${from.title}", which is merged, asked for this. The goal above says what the whole is about; do this part of it, if it serves that goal.\n\n${cutText(cleanText(brief), 32_000)}`;
}

/** Adds the discoveries to every blocked subtask that depends on it, directly or indirectly. */
function tellDependents(
  subtasks: readonly Node[],
  from: Node,
  discoveries: readonly string[],
): { changed: Revision["changed"]; keys: string[]; refused: string[] } {
  const text = cutText(
    discoveries
      .map((item) => cleanOutsideText(item, 2_000).replace(/\s+/g, " ").trim())
      .filter((item) => item !== "")
      .map((item) => `- ${item}`)
      .join("\n"),
    maxDiscoveries,
  );
  if (text === "") return { changed: [], keys: [], refused: [] };
  const block = wrapOutsideText(text, `subtask ${from.key}`, "another agent");
  const told: Node[] = [];
  const refused: string[] = [];
  for (const node of dependentsOf(subtasks, from.key)) {
    if (node.state !== "blocked") continue;
    if (node.brief.length + block.length > maxBrief) {
      refused.push(
        `the discoveries of "${from.key}" were not added to "${node.key}": its brief is full`,
      );
    } else told.push(node);
  }
  const changed = told.map(({ id, brief }) => ({
    id,
    brief: [brief, `Found out while "${from.title}" was done:`, block]
      .filter((part) => part !== "")
      .join("\n\n"),
  }));
  return { changed, keys: told.map(({ key }) => key), refused };
}

function dependentsOf(subtasks: readonly Node[], key: string): Node[] {
  const reached = new Set([key]);
  const found: Node[] = [];
  for (let size = 0; size !== reached.size; ) {
    size = reached.size;
    for (const node of subtasks) {
      if (reached.has(node.key) || !node.dependsOn.some((other) => reached.has(other))) continue;
      reached.add(node.key);
      found.push(node);
    }
  }
  return found;
}

/** `wanted`, or the first free one of `wanted-2`, `wanted-3`, …. */
export function freeKey(wanted: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const key = number === 1 ? wanted : `${wanted}-${number}`;
    if (!taken.has(key)) return key;
  }
}
