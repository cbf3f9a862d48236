import type { CheckRun } from "../core/proof/verdict.ts";
import type { PlannerAnswer } from "../core/task/planner-answer.ts";
import { cutMiddle } from "../core/text/clean-text.ts";
import { section } from "../executor/write-brief.ts";
import type { TryCommand } from "../verifier/checks/try-commands.ts";

/**
 * Runs a plan's checks on the base as soon as there is a plan, and says which of them prove nothing
 * there: green already, or one that does not get to run. A guess at a command shows before an agent
 * works by it. Whether that is a mistake is for the planner to say: a check may keep something green,
 * and need what an earlier part makes.
 */
const maxTried = 10;
const maxOutput = 150;

/** What the planner is told, once; null: nothing. Throws the signal's reason when aborted. */
export async function tryChecks(
  { subtasks }: PlannerAnswer,
  own: readonly { command: string }[],
  run: TryCommand,
  signal: AbortSignal,
): Promise<string | null> {
  const known = new Set(own.map(({ command }) => command));
  const planned = new Set(subtasks.flatMap(({ checks }) => checks));
  const seen: string[] = [];
  for (const command of [...planned].filter((one) => !known.has(one)).slice(0, maxTried)) {
    const tried = await run(command, signal);
    // Without setup nothing can be said of any of them.
    if ("run" in tried) return null;
    const said = describeFirst(tried);
    if (said !== null) seen.push(`- \`${command}\`: ${said}`);
  }
  if (seen.length === 0) return null;
  return section("Your plan's checks, as they ran on the base", [
    seen.join("\n"),
    "A check that is green before the work shows nothing of it, unless it is there to keep that green. One that cannot start fails every attempt, unless its own part, or one before it, makes what it needs. Answer once more, with the whole plan, mended or as it is. That one is taken.",
  ]);
}

/** Null: it is red, as it should be before the work. */
function describeFirst({ detail, outputTail, status }: CheckRun): string | null {
  if (status === "red") return null;
  if (status === "green") return "green already";
  const output = cutMiddle(outputTail, maxOutput).replace(/\s+/g, " ").trim();
  return output === "" ? detail : `${detail} (${output})`;
}
