import type { Plan } from "../core/task/plan.ts";
import { maxPlannedSubtasks } from "../core/task/planner-answer.ts";
import type { Subtask, Task } from "../core/task/task.ts";
import { fence, wrapOutsideText } from "../core/text/data-block.ts";
import { describeMaterial, section } from "../executor/write-brief.ts";

/**
 * The prompt of a planner. Pure. It explains what a plan is, because any agent may be the planner;
 * outside text is included only as a block of data.
 */
export type PlannerBrief = {
  task: Task;
  /** Advice for a good plan: the same for every task and agent. */
  instructions: string;
  /** What of the tree it sees, in words; empty: all of it. */
  sparse: string;
  checks: readonly { command: string }[];
  /** The part of a plan that is to be planned further; null: the whole task. */
  part: Pick<Subtask, "key" | "title" | "brief" | "writes"> | null;
  /** Where the part's own attempts failed, and it is to be planned anew; null: it was never tried. */
  failed: FailedPart | null;
  /** Plans of this task that a person sent back, oldest first. */
  rejected: readonly { plan: Plan; feedback: string }[];
  /** Answers of a person to questions of this task's planners, oldest first. */
  answers: readonly { question: string; answer: string }[];
  /** The previous answer and what was wrong with it; null: there was none. */
  again: { problem: string; answer: unknown } | null;
  /** What was seen of the checks of its plan, which is to be looked at once more; null: nothing. */
  tried: string | null;
};

export type FailedPart = {
  /** What was tried and how it failed. */
  history: string;
  /** The other subtasks of the task, and how far they are. */
  others: readonly Pick<Subtask, "key" | "title" | "state">[];
  /** What the task may still spend, in words; null: there is no limit. */
  budgetLeft: string | null;
};

export function writePlannerBrief({
  task,
  instructions,
  sparse,
  checks,
  part,
  failed,
  rejected,
  answers,
  again,
  tried,
}: PlannerBrief): string {
  const sections = [
    section(part ? "The goal of the whole" : "Goal", task.goal),
    part
      ? section(`The part to plan: ${part.title}`, [
          part.brief,
          part.writes.length > 0 ? `It is expected to write: ${part.writes.join(", ")}` : "",
        ])
      : "",
    failed ? describeFailed(failed) : "",
    section("What is asked for", [
      `A plan for ${part ? "this part" : "the goal"}.`,
      instructions,
      sparse,
      `At most ${maxPlannedSubtasks} parts. ${part ? '`kind` is always "work": there is no plan below this one.' : '`kind` is "work", or "plan" for a part that cannot be planned before what it depends on is there: it is planned when its turn comes.'}`,
    ]),
    checks.length > 0
      ? section(
          "Checks that are run on everything anyway",
          checks.map(({ command }) => `- \`${command}\``).join("\n"),
        )
      : "",
    section("The answer", [
      "By the schema that you are given, for example:",
      fence(
        '{"reason": "why it is split like this, or not at all", "subtasks": [{"id": "api", "title": "one line", "brief": "all that is needed to do it", "writes": ["src/api/**"], "checks": ["npm test -- api"], "depends_on": [], "independent": true, "kind": "work"}]}',
      ),
    ]),
    ...describeMaterial(task),
    answers.length > 0 ? section("Your questions, answered", answers.map(writeAnswer)) : "",
    ...rejected.map(({ plan, feedback }, index) =>
      section(`Plan ${index + 1}, which the person who asked sent back`, [
        fence(JSON.stringify(describe(plan), null, 1)),
        `They said:\n\n${feedback}`,
      ]),
    ),
    rejected.length > 0 ? "Make another plan that does what they said." : "",
    again
      ? section("Your answer before this one was refused", [
          `${again.problem}.`,
          again.answer === null || again.answer === undefined
            ? ""
            : fence(JSON.stringify(again.answer, null, 1).slice(0, 40_000)),
          "Answer again, with a plan that has none of that. It is the last time that you are asked.",
        ])
      : "",
    tried ?? "",
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

/** Why a part is planned anew, and what is there already. Its history is data: agents wrote it. */
function describeFailed({ budgetLeft, history, others }: FailedPart): string {
  const done = others.filter(({ state }) => state === "completed");
  const open = others.filter(({ state }) => state !== "completed" && state !== "superseded");
  const list = (subtasks: typeof others) =>
    subtasks.map(({ key, title }) => `- "${key}": ${title}`).join("\n");
  return section("Why it is planned anew", [
    "Agents worked on this part, again and again, and could not finish it. Find out why, from what they tried and from the files. Then plan it so that the same cannot happen: split it where it went wrong, put before it what was missing, correct what its brief took for granted. A plan that was worked on before is refused.",
    `What was tried:\n\n${wrapOutsideText(history, "the attempts of this part", "agents")}`,
    done.length > 0 ? `Finished, and in the files that you see:\n${list(done)}` : "",
    open.length > 0 ? `Other parts, not for you to plan:\n${list(open)}` : "",
    budgetLeft === null ? "" : `Left of the whole task's budget: ${budgetLeft}`,
  ]);
}

/** The prompt for a planner that continues; its session holds the request and what it read. */
export function writePlannerContinuation({ answers }: Pick<PlannerBrief, "answers">): string {
  const last = answers.at(-1);
  const why = last
    ? `A person answered what you asked.\n\n${writeAnswer(last)}\n\nGo on`
    : "You were cut off, by nothing that you did. Go on where you stopped,";
  return `${why} and end with your plan, all of it, as it was asked for.\n`;
}

function writeAnswer({ question, answer }: PlannerBrief["answers"][number]): string {
  return `Q: ${question}\nA: ${answer}`;
}

function describe({ subtasks }: Plan) {
  return subtasks.map(({ key, title, brief, writes, checks, dependsOn, kind }) => ({
    id: key,
    title,
    brief,
    writes,
    checks,
    depends_on: dependsOn,
    kind,
  }));
}
