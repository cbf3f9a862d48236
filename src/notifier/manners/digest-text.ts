import type { NotifiedType } from "../../core/settings/notify-settings.ts";

/**
 * One push in place of those that were held while it was quiet: how many tasks are done and failed and how
 * many wait for a person, as it is now, and the most urgent of them by name. Null: all of it was settled.
 */
export type HeldItem = {
  type: string;
  /** Its push's own, as private as the channel is. */
  title: string;
  priority: number;
  at: Date;
};

/** A record of all types, so that a new one cannot be forgotten. Null: it is no news by the time it is told. */
const wordOf: Record<string, string | null> = {
  "task.completed": "done",
  "task.failed": "failed",
  "task.needs_person": "waiting for you",
  "question.asked": "waiting for you",
  "plan.revised": null,
} satisfies Record<NotifiedType, string | null>;

/** The most urgent last. */
const urgency: readonly string[] = [
  "task.failed",
  "task.needs_person",
  "question.asked",
] satisfies NotifiedType[];

export function digestText(
  items: readonly HeldItem[],
  spentUsd: number,
): { title: string; body: string; priority: number } | null {
  const said = ["done", "failed", "waiting for you"].flatMap((word) => {
    const number = items.filter(({ type }) => wordOf[type] === word).length;
    return number === 0 ? [] : `${number} ${word}`;
  });
  if (said.length === 0) return null;
  const rank = ({ type }: HeldItem) => urgency.indexOf(type);
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
