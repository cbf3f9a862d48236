import { acceptedBefore } from "../core/accepted-judges.ts";
import { denies, namesPath, quoteThatAsks } from "../core/goal-asks.ts";
import { coversPath, matchesPath, namesFile } from "../core/path-glob.ts";
import type { Subtask, Task } from "../core/task.ts";
import type { Acceptance, JudgeChange } from "../core/verdict.ts";

/**
 * Who said that a file which judges the work may change: a flag, somebody before, the plan, the goal;
 * pure, and asked in this order. What is left is for a reviewer (ask-judges.ts), and then for a person. Words
 * from outside accept nothing, nor do files that an agent named for work that it asked for itself.
 */
export type Grounds = {
  task: Pick<Task, "goal" | "allow" | "allowTestChanges" | "approval" | "origin" | "planInput">;
  subtask: Pick<Subtask, "key" | "depth" | "brief" | "title" | "writes">;
  /** Of the task, the one in question included. */
  subtasks: readonly Pick<Subtask, "state" | "acceptedJudges" | "verdict" | "gateVerdict">[];
  /** What a person answered when asked about this work. */
  answers: readonly string[];
};

/** The same files, with who accepted each; null: nobody did so far. */
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

/** A plan's `writes` says where a part works; it is a person's word only where a person gave or approved it. */
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
  // Parts that a planner made of a part later on were shown to nobody.
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

/** What the requester said of the work: the goal, what a person answered, a part in the caller's own plan. */
export function wordsOf(grounds: Grounds): string[] {
  const { answers, subtask, task } = grounds;
  const own = whosePlan(grounds) === "caller" ? [subtask.title, subtask.brief] : [];
  return [task.goal, ...own, ...answers].filter((text) => text.trim() !== "");
}

const minQuotedWords = 3;
const maxEvidence = 500;

/**
 * What a reviewer's quote is worth: the words have to be there, and must not deny anything. What is
 * weaker they have to name, by the file or by what is gone of it.
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

/** Whether the quote holds a name that stands between quotes in what is gone; a single word in quotes, too. */
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
