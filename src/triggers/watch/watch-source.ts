import { z } from "zod";
import { cleanOutsideText } from "../../core/text/outside-text.ts";
import type { LocalSource, LocalStart } from "../process-local.ts";
import type { WatchRule } from "./watch-rule.ts";

/**
 * What a watch saw becomes a task that starts from the very files that it saw. The goal is the rule's
 * or ours; names of tests, output and paths are what programs and file names say, so they are data.
 */
export const watchPayload = z.object({
  rule: z.string(),
  /** The checkout's files as they were. */
  snapshot: z.string(),
  at: z.string(),
  /** Of a command; null: files changed. */
  red: z
    .object({
      failing: z.array(z.string()),
      wasGreen: z.boolean(),
      detail: z.string(),
      output: z.string(),
    })
    .nullable(),
  changed: z.array(z.string()),
});
export type WatchPayload = z.infer<typeof watchPayload>;

const maxNamed = 50;
const maxOutput = 4_000;

export const watchSource: LocalSource = {
  name: "watch",
  read({ payload }, rules) {
    const data = watchPayload.safeParse(payload).data;
    if (data === undefined) return { ignored: "the row says nothing of what was seen" };
    const rule = rules.watch.find(({ name }) => name === data.rule);
    if (!rule) return { ignored: `there is no watch ${data.rule} any more` };
    return startOfWatch(rule, data);
  },
};

export function subjectOf({ name }: Pick<WatchRule, "name">): string {
  return `watch:${name}`;
}

/** What is seen of a rule, as a task. `seen` null: nothing was yet, and only its fields are shown. */
export function startOfWatch(rule: WatchRule, seen: WatchPayload | null): LocalStart {
  const { ask, command, guards, name, repository, task } = rule;
  const red = command !== null;
  const what = red
    ? seen?.red?.wasGreen === false
      ? `More tests of \`${command}\` fail than before`
      : `\`${command}\` was green and is red now`
    : "Files changed";
  const told = rule.goal ?? `${what}. Find the cause and repair it, so that it is green.`;
  const start = `The watch ${name} saw that in ${repository}, and the work starts from the files as they were then, committed or not.`;
  return {
    ...{ rule: name, guards, reason: `watch ${name}: ${lower(what)}` },
    input: {
      ...{ ...task, goal: `${told}\n\n${start}` },
      // A command that a person watches for being green is what its repair is accepted by.
      ...(command !== null && { checks: [...new Set([command, ...(task.checks ?? [])])] }),
      include_uncommitted: true,
    },
    origin: {
      ...{ source: "watch", subject: subjectOf(rule), replyTo: null, reviewedAgainst: null },
      ...{ outsideText: seen && describeSeen(seen), author: red ? "the test run" : "the checkout" },
      ...(seen && { snapshot: seen.snapshot }),
    },
    ask: ask ? `${what} (watch ${name}). Shall an agent work on it?` : null,
  };
}

function describeSeen({ at, changed, red, snapshot }: WatchPayload): string {
  const some = (list: readonly string[]) => [
    ...list.slice(0, maxNamed).map((one) => `- ${one.replace(/\s+/g, " ")}`),
    ...(list.length > maxNamed ? [`- and ${list.length - maxNamed} more`] : []),
  ];
  const lines = [
    `Seen at ${at}, in the snapshot ${snapshot.slice(0, 10)}.`,
    ...(red ? [`The run ended with: ${red.detail}`] : []),
    ...(red && red.failing.length > 0 ? ["Tests that fail:", ...some(red.failing)] : []),
    ...(red ? ["Output:", red.output.slice(-maxOutput)] : []),
    ...(changed.length > 0 ? ["Files that changed:", ...some(changed)] : []),
  ];
  return cleanOutsideText(lines.join("\n"));
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
