import type { WhyRefused } from "../try-rule.ts";
import type { WatchView } from "./open-watch.ts";
import type { WatchRule } from "./watch-rule.ts";
import { startOfWatch } from "./watch-source.ts";

/** What a watch saw last, and what it would do about a change now. Runs nothing. */
export async function tryWatch(rule: WatchRule, view: WatchView | null, whyRefused: WhyRefused) {
  const { ask, input, origin } = startOfWatch(rule, null);
  const refused = await whyRefused({ input, origin, recipe: "change" });
  const row = view?.row ?? null;
  return {
    ...{ rule: rule.name, fires: true as const, refused, problem: view?.problem ?? null },
    last: row && {
      ...{ result: row.result, detail: row.detail, failing: row.failing, at: row.seenAt },
      ...{ commit: row.commit, says_nothing: row.trouble },
    },
    next: describeNext(rule, row?.state ? row.result : null, row?.state != null),
    ...{ asks: ask ?? null, task: input },
  };
}

function describeNext({ ask, command }: WatchRule, result: string | null, isSeen: boolean): string {
  const starts = ask ? "a person is asked" : "the task starts";
  if (command === null)
    return isSeen
      ? `When the files that it watches change, ${starts}.`
      : "Nothing: the first look only notes what is there.";
  if (result === "green") return `When \`${command}\` is red twice on the same files, ${starts}.`;
  if (result === "red")
    return `When a test fails that did not before, ${starts}; otherwise nothing until \`${command}\` was green.`;
  return `Nothing until \`${command}\` was green: what was red on the first look was not broken since.`;
}
