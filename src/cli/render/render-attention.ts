import type { AttentionView } from "../../api/attention.ts";
import { formatDuration, oneLine } from "./text.ts";

/** What needs a person, by tiers; how each is settled stands below it. */
export function renderAttention({ archived, items }: AttentionView, now: number): string {
  const lines: string[] = [];
  let heading: string | null = null;
  for (const item of items) {
    const own = item.heading ?? item.tier;
    if (own !== heading) {
      heading = own;
      lines.push("", heading);
    }
    const age = item.since === null ? "" : `, ${formatDuration(now - Date.parse(item.since))} ago`;
    const part = item.subtask === null ? "" : ` (${item.subtask})`;
    const what =
      item.task === null ? item.kind : `${item.task.id}  ${oneLine(item.task.title, 80)}${part}`;
    const until = item.snoozed_until ? `, snoozed until ${item.snoozed_until}` : "";
    lines.push(`  ${what}${age}${until}`, `    ${oneLine(item.why.split("\n", 1)[0] ?? "", 300)}`);
    for (const { command, href, label, name } of item.actions) {
      const way = command ?? href;
      // What a number stands for.
      const means =
        name === "answer" && /^deputy answer \S+ \d(?: |$)/.test(command ?? "")
          ? `  (${oneLine(label, 80)})`
          : "";
      if (way !== null) lines.push(`      ${oneLine(way, 300)}${means}`);
    }
  }
  if (items.length === 0) lines.push("", "Nothing needs you.");
  const quiet = archived.ready + archived.failed;
  if (quiet > 0)
    lines.push(
      "",
      `Quiet for long, and not listed: ${archived.ready} to accept, ${archived.failed} failed; see deputy ls.`,
    );
  return lines.slice(1).join("\n");
}
