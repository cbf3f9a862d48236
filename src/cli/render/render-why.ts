import type { WhyView } from "../../api/task/why.ts";
import { formatDuration, oneLine } from "./text.ts";

/** What a task waits for, with what that waits on indented below. */
export function renderWhy(why: WhyView, now: number, indent = ""): string {
  // A question may be a whole plan: it is shown line by line, each marked, since anyone may have
  // written it.
  const [first = "", ...more] = why.waiting_for
    .trimEnd()
    .split("\n")
    .map((line) => oneLine(line, Number.POSITIVE_INFINITY));
  const lines = [
    `${why.id} (${why.state}): ${first}`,
    ...more.filter((line) => line !== "").map((line) => `  | ${line}`),
    `  since   ${why.since} (${formatDuration(now - new Date(why.since).getTime())} ago)`,
    `  next    ${oneLine(why.next)}${why.next_at ? ` (${formatWhen(why.next_at, now)})` : ""}`,
  ];
  if (why.signs) lines.push(`  signs   ${oneLine(why.signs)}`);
  if (why.unblock) lines.push(`  sooner  ${oneLine(why.unblock)}`);
  const own = lines.map((line) => indent + line).join("\n");
  const below = why.subtasks.map((inner) => renderWhy(inner, now, `${indent}  `));
  return [own, ...below].join("\n");
}

function formatWhen(at: string, now: number): string {
  const ahead = new Date(at).getTime() - now;
  return ahead > 0 ? `at ${at}, in ${formatDuration(ahead)}` : `due since ${at}`;
}
