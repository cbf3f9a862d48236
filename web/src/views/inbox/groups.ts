import type { AttentionItemView } from "../../../../src/api/attention.ts";

/** The list as the page shows it. Pure. */
export type Group = { heading: string; items: AttentionItemView[] };

/** Under the daemon's headings, in the daemon's order; without what was settled here just now. */
export function groupItems(
  items: readonly AttentionItemView[],
  settled: ReadonlySet<string>,
): Group[] {
  const groups: Group[] = [];
  for (const item of items) {
    if (settled.has(item.id)) continue;
    const heading = item.heading ?? item.tier;
    const last = groups.at(-1);
    if (last?.heading === heading) last.items.push(item);
    else groups.push({ heading, items: [item] });
  }
  return groups;
}

/** The item that takes the focus once `id` is gone: the next one, else the one before. */
export function neighbourOf(groups: readonly Group[], id: string): string | null {
  const ids = groups.flatMap(({ items }) => items.map((item) => item.id));
  const at = ids.indexOf(id);
  return ids[at + 1] ?? ids[at - 1] ?? null;
}

/** States in which a task may ask for something, or no longer does. */
const resting = ["waiting", "completed", "failed", "cancelled"];

/** Whether the list may be another one after this change. */
export function mayChange(
  { attention, tasks, states }: { attention: boolean; tasks: readonly string[]; states: object },
  items: readonly AttentionItemView[],
): boolean {
  if (attention || Object.values(states).some((state) => resting.includes(state))) return true;
  const changed = new Set(tasks);
  return items.some(({ task }) => task !== null && changed.has(task.id));
}

/** When the list changes by itself: an item expires, or comes back. Null: it does not. */
export function nextChangeAt(items: readonly AttentionItemView[], now: number): number | null {
  const times = items
    .flatMap(({ expires, snoozed_until }) => [expires, snoozed_until])
    .flatMap((time) => (time ? [Date.parse(time)] : []))
    .filter((time) => time > now);
  return times.length === 0 ? null : Math.min(...times);
}

type Action = AttentionItemView["actions"][number];

/** What is asked once more before it is done; undefined: it has a low risk. */
export function confirmOf({ label, name, risk }: Action): string | undefined {
  if (risk !== "high") return undefined;
  const questions: Record<string, string> = {
    accept: "Merge it into the repository?",
    discard: "Delete the branch and its worktrees?",
    thaw: "Let everything start again?",
    reset: "Let this rule start tasks again?",
  };
  return questions[name] ?? `Really: ${label}?`;
}
