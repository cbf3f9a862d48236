import type { EventView } from "../../api/event.ts";
import { type EventTone, lookOfEvent } from "../../api/event-look.ts";
import type { Colors } from "./colors.ts";
import { formatDuration, oneLine } from "./text.ts";

/**
 * One event, one line: its time since the task started, its part of the flow, and its sentence; a
 * type that is newer than this command line is shown too.
 */
const marks: Record<EventTone, string> = { plain: "·", good: "✓", bad: "✗", ask: "!", dim: " " };
const labelWidth = 12;

/**
 * The line of an event, without a line break. `startedAt`: when the task started, in milliseconds;
 * `key`: which subtask it is about, where there are several.
 */
export function renderEvent(
  event: EventView,
  startedAt: number,
  colors: Colors,
  key: string | null = null,
): string {
  const { label, tone } = lookOfEvent(event);
  const elapsed = formatDuration(new Date(event.at).getTime() - startedAt).padStart(7);
  const paint = paints[tone](colors);
  return `${colors.dim(elapsed)} ${paint(marks[tone])} ${colors.bold(label.padEnd(labelWidth))}${key === null ? "" : colors.bold(`${oneLine(key, 40)}: `)}${paint(oneLine(event.message))}`;
}

const paints: Record<EventTone, (colors: Colors) => (text: string) => string> = {
  plain: () => (text) => text,
  good: (colors) => colors.green,
  bad: (colors) => colors.red,
  ask: (colors) => colors.yellow,
  dim: (colors) => colors.dim,
};
