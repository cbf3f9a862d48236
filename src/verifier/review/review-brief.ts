import { readFile } from "node:fs/promises";
import type { Experiment, Verdict } from "../../core/proof/verdict.ts";
import type { ReviewFinding } from "../../core/review/review.ts";
import { describeFinding, describePlace, describeState } from "../../core/review/review-words.ts";
import { sparseOf, tellSparse } from "../../core/settings/sparse.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { wrapOutsideText } from "../../core/text/data-block.ts";
import { cleanOutsideText } from "../../core/text/outside-text.ts";

/**
 * Writes the briefs of reviewers and judges: the goal and what a person decided about it, the change
 * with what is around it, the checks' results and the earlier findings. Of the coder's words they hold
 * what it says is not done, its questions that a person answered, and the answer that a judge rules
 * on: a summary would lead a reviewer. Text by an agent or from outside is marked as data.
 */
const maxDiffBytes = 200_000;
const maxListed = 40_000;

/** The package's prompts folder, at the same depth from `src/verifier` and `dist/verifier`. */
const promptsFolder = new URL("../../../prompts/", import.meta.url);

export type ReviewedWork = {
  task: Task;
  subtask: Subtask;
  /** From the commit where the attempt started, with its lines numbered. */
  diff: string;
};

export async function writeReviewBrief(
  work: ReviewedWork,
  {
    checks,
    earlier,
    experiments = [],
    changedSince,
    notDone,
    blocksUpTo,
    isAlone,
  }: {
    checks: Verdict["checks"];
    /** Of these, the faults in the change that no test noticed. */
    experiments?: readonly Experiment[];
    earlier: readonly ReviewFinding[];
    /** Files and lines that changed since the last round; null in the first round. */
    changedSince: string | null;
    /** What the author says is missing. */
    notDone: string | null;
    /** The last priority that blocks. */
    blocksUpTo: number;
    /** No other reviewer looks at this change. */
    isAlone: boolean;
  },
): Promise<string> {
  const ran = checks.map(
    ({ check, reason, result }) => `- \`${check.command}\`: ${result} (${reason})`,
  );
  return join([
    await readPrompt("reviewer.md"),
    [
      `Findings of priority ${blocksUpTo === 0 ? "0" : `0 to ${blocksUpTo}`} block: the author has to settle them. The others are listed in the receipt, for a person.`,
      isAlone ? "You are the only reviewer: leave `fine` empty." : "",
    ]
      .join(" ")
      .trim(),
    ...describeWork(work),
    notDone === null
      ? ""
      : section("What the author says is not done", asData(notDone, "the author", maxListed)),
    section("Checks", ran.length > 0 ? ran.join("\n") : "There are none; nobody ran anything."),
    ...describeFaults(experiments),
    earlier.length > 0
      ? section(
          "Findings of earlier rounds",
          asData(earlier.map(describeEarlier).join("\n"), "reviewers of earlier rounds", maxListed),
        )
      : "",
    changedSince
      ? section(
          "Lines that changed since the last round",
          asData(changedSince, "the author", maxListed),
        )
      : "",
    section("The whole change", asData(work.diff, "the author, as a diff", maxDiffBytes)),
  ]);
}

/** With its command, so that nobody has to guess what was tried. */
function describeEarlier(finding: ReviewFinding): string {
  const { claim, evidence, id, priority } = finding;
  const tried = evidence.kind === "command" ? evidence.command : `quotes ${evidence.text}`;
  return [
    `- ${id} (priority ${priority}) ${describePlace(finding)}: ${atWord(claim, 600)}`,
    `  ${evidence.kind === "command" ? "its command: " : "it "}${atWord(tried, 600)}`,
    `  ${describeState(finding)}`,
  ].join("\n");
}

function atWord(text: string, max: number): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= max ? line : `${line.slice(0, line.lastIndexOf(" ", max)) || line} …`;
}

/** A hint, not a finding: an equivalent mutant or an unimportant line looks the same. */
function describeFaults(experiments: readonly Experiment[]): string[] {
  const open = experiments.filter(({ kind, result }) => kind === "mutants" && result === "open");
  if (open.length === 0) return [];
  const said = open.map(({ check, says }) => `- \`${check}\`: ${says}`).join("\n");
  return [
    section(
      "Small faults that were put into the change to see whether its tests notice",
      asData(said, "the daemon, quoting the change", maxListed),
    ),
  ];
}

/** `against` holds the arguments against each finding; `who` is their author. */
export async function writeJudgeBrief(
  work: ReviewedWork,
  disputes: readonly { finding: ReviewFinding; against: string }[],
  who: string,
): Promise<string> {
  return join([
    await readPrompt("judge.md"),
    ...describeWork(work),
    ...disputes.flatMap(({ finding, against }) => [
      section(`Finding ${finding.id}`, asData(describeFinding(finding), "a reviewer", maxListed)),
      section(`Against ${finding.id}`, asData(against, who, maxListed)),
    ]),
    section("The whole change", asData(work.diff, "the author, as a diff", maxDiffBytes)),
  ]);
}

/** Asks about the change's judge files; `words` are the requester's. */
export async function writeJudgeChangesBrief(
  words: readonly string[],
  listed: readonly string[],
  diff: string,
): Promise<string> {
  return join([
    await readPrompt("judge-changes.md"),
    ...words.map((text, at) => section(at === 0 ? "What was asked for" : "And", text)),
    section("Files", asData(listed.join("\n"), "the change", maxListed)),
    section("What changed in them", asData(diff, "the author, as a diff", maxDiffBytes)),
  ]);
}

function describeWork({ task, subtask }: ReviewedWork): string[] {
  const { outsideText, source, subject } = task.origin;
  const sparse = tellSparse(sparseOf(task.preparation));
  return [
    sparse === "" ? "" : section("What you see of the repository", sparse),
    section("Goal", task.goal),
    outsideText
      ? section(
          "Material from outside",
          asData(outsideText, subject ?? source, maxListed, "people outside"),
        )
      : "",
    subtask.brief === "" ? "" : section(`The part that was done: ${subtask.title}`, subtask.brief),
    subtask.answers.length > 0
      ? section(
          "What a person decided",
          [
            "The author asked, and a person answered. The answers count as the goal does.",
            asData(
              subtask.answers
                .map(({ question, answer }) => `Q: ${question}\nA: ${answer}`)
                .join("\n\n"),
              "the author, with a person's answers",
              maxListed,
            ),
          ].join("\n\n"),
        )
      : "",
  ];
}

function asData(
  text: string,
  source: string,
  maxBytes: number,
  writer: string | null = null,
): string {
  // A comment is code here: what looks like one must not be removed or hide what follows it.
  const pieces = text.slice(0, 4 * maxBytes).split("<!--");
  const cleaned = pieces.map((piece) => cleanOutsideText(piece, 4 * maxBytes)).join("<!--");
  const bytes = Buffer.from(cleaned, "utf8");
  const isWhole = bytes.length <= maxBytes && text.length <= 4 * maxBytes;
  const kept = new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: true });
  return wrapOutsideText(isWhole ? cleaned : `${kept}\n[… the rest is left out …]`, source, writer);
}

async function readPrompt(name: string): Promise<string> {
  return (await readFile(new URL(name, promptsFolder), "utf8")).trim();
}

function section(title: string, body: string): string {
  return `# ${title}\n\n${body}`;
}

function join(sections: readonly string[]): string {
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}
