import { acceptedBefore } from "../../core/proof/accepted-judges.ts";
import type { Acceptance, JudgeChange } from "../../core/proof/verdict.ts";
import { denies, namesPath, quoteThatAsks } from "../../core/task/goal-asks.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { coversPath, matchesPath, namesFile } from "../../core/text/path-glob.ts";

/**
 * Finds who accepted a change to a file that judges the work: a flag, an earlier acceptance, the
 * plan or the goal, asked in this order. Pure. A reviewer (ask-judges.ts) and then a person decide
 * the rest. Text from outside accepts nothing, nor do paths that an agent named for work that it
 * requested itself.
 */
export type Grounds = {
  task: Pick<Task, "goal" | "allow" | "allowTestChanges" | "approval" | "origin" | "planInput">;
  subtask: Pick<Subtask, "key" | "depth" | "brief" | "title" | "writes">;
  /** All subtasks of the task, including this one. */
  subtasks: readonly Pick<Subtask, "state" | "acceptedJudges" | "verdict" | "gateVerdict">[];
  /** A person's answers about this work. */
  answers: readonly string[];
};

/** Returns the same files, each with its acceptance; null when nobody has accepted it yet. */
export function acceptByWords(judges: readonly JudgeChange[], grounds: Grounds): JudgeChange[] {
  const paths = judges.map(({ path }) => path);
  return judges.map((judge) => ({
    ...judge,
    accepted: judge.accepted ?? findAcceptance(judge, paths, grounds),
  }));
}

function findAcceptance(
  judge: JudgeChange,
  paths: readonly string[],
  grounds: Grounds,
): Acceptance | null {
  return (
    acceptedByFlag(judge, grounds) ??
    acceptedBefore(grounds.subtasks, judge) ??
    acceptedByPlan(judge, grounds) ??
    acceptedByGoal(judge, paths, grounds)
  );
}

function acceptedByFlag({ kind, path }: JudgeChange, { task }: Grounds): Acceptance | null {
  const glob = task.allow.find((one) => coversPath(one, path));
  if (glob !== undefined) return { by: "flag", evidence: `--allow ${glob}` };
  const isAllowed = task.allowTestChanges && kind !== "protected";
  return isAllowed ? { by: "flag", evidence: "--allow-test-changes" } : null;
}

/** A plan's `writes` is a person's acceptance only where a person wrote or approved the plan. */
function acceptedByPlan({ kind, path, weaker }: JudgeChange, grounds: Grounds): Acceptance | null {
  const { subtask, task } = grounds;
  const who = whosePlan(grounds);
  const isPersons = who === "caller" || who === "approved";
  if (who === "agent" || (who === "planner" && task.origin.outsideText !== null)) return null;
  if (!isPersons && (kind === "protected" || weaker !== null)) return null;
  const entry = subtask.writes.find((one) => namesFile(one) && matchesPath(one, path));
  return entry === undefined ? null : { by: "plan", evidence: `writes: ${entry}` };
}

function whosePlan({ subtask, subtasks, task }: Grounds) {
  if (subtask.depth > 0) return "agent";
  if (task.planInput?.subtasks.some(({ id }) => id === subtask.key)) return "caller";
  // Nobody saw the parts into which a planner split a part later.
  const isWhole = subtasks.every(({ state }) => state !== "superseded");
  return task.approval === "plan" && isWhole ? "approved" : "planner";
}

function acceptedByGoal(
  { path }: JudgeChange,
  paths: readonly string[],
  grounds: Grounds,
): Acceptance | null {
  for (const text of wordsOf(grounds)) {
    const quote = quoteThatAsks(text, path, paths);
    if (quote !== null) return { by: "goal", evidence: quote };
  }
  return null;
}

/** The requester's words: the goal, a person's answers, and a part of the caller's own plan. */
export function wordsOf(grounds: Grounds): string[] {
  const { answers, subtask, task } = grounds;
  const own = whosePlan(grounds) === "caller" ? [subtask.title, subtask.brief] : [];
  return [task.goal, ...own, ...answers].filter((text) => text.trim() !== "");
}

const minQuotedWords = 3;
const maxEvidence = 500;

/**
 * Accepts by a reviewer's quote. The quote must occur in the requester's words and must not deny
 * anything. For a weakened file it must also name the file or what was removed from it.
 */
export function acceptByQuote(
  judge: JudgeChange,
  paths: readonly string[],
  quote: string,
  words: readonly string[],
): Acceptance | null {
  const wanted = squeeze(quote);
  if (wanted.split(" ").length < minQuotedWords || wanted.length > 2_000) return null;
  if (!words.some((text) => squeeze(text).includes(wanted)) || denies(wanted)) return null;
  const isNamed = namesPath(wanted, judge.path, paths) || namesGone(judge.weaker, wanted);
  if (judge.weaker !== null && !isNamed) return null;
  return { by: "reviewer", evidence: wanted.slice(0, maxEvidence) };
}

/** Whether the quote holds a name quoted in the removed text; a single word must stay quoted. */
function namesGone(weaker: string | null, quote: string): boolean {
  const pieces = (weaker ?? "").slice(0, 2_000).split(/["'`]/).slice(1, -1).map(squeeze);
  return pieces
    .filter((name) => name.length >= 2)
    .some((name) =>
      name.includes(" ")
        ? quote.includes(name)
        : [`"${name}"`, `'${name}'`, `\`${name}\``].some((one) => quote.includes(one)),
    );
}

function squeeze(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
