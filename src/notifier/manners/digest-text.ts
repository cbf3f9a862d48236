/**
 * One push in place of those that were held while it was quiet: how many tasks are done and failed and how
 * many questions wait, as it is now, and the most urgent of them by name. Null: all of it was settled.
 */
export type HeldItem = {
  type: string;
  /** Its push's own, as private as the channel is. */
  title: string;
  priority: number;
  at: Date;
};

export function digestText(
  items: readonly HeldItem[],
  spentUsd: number,
): { title: string; body: string; priority: number } | null {
  const count = (type: string) => items.filter((item) => item.type === type).length;
  const counts = [
    [count("task.completed"), "done"],
    [count("task.failed"), "failed"],
    [count("question.asked"), "waiting for you"],
  ] as const;
  const said = counts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  if (said.length === 0) return null;
  const rank = ({ type }: HeldItem) => ["question.asked", "task.failed"].toReversed().indexOf(type);
  const [urgent] = items.toSorted(
    (a, b) => b.priority - a.priority || rank(b) - rank(a) || a.at.getTime() - b.at.getTime(),
  );
  const lines = [
    items.length > 1 ? `First: ${urgent?.title}` : (urgent?.title ?? ""),
    spentUsd >= 0.005 ? `Spent $${spentUsd.toFixed(2)}` : "",
    "deputy inbox",
  ];
  return {
    title: `While it was quiet: ${said.join(", ")}`,
    body: lines.filter(Boolean).join("\n"),
    priority: Math.max(3, urgent?.priority ?? 3),
  };
}
