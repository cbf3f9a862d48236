import { count } from "../review/review-words.ts";
import { wrapOutsideText } from "../text/data-block.ts";
import { cleanOutsideText } from "../text/outside-text.ts";
import type { JudgeChange, Verdict } from "./verdict.ts";

/**
 * Judge changes in words: a question for a person, data for the coder, one line for a verdict.
 * Paths and quoted lines come from the change and are untrusted.
 */
const maxListed = 100;
const maxFound = 10;
const maxLine = 400;

/** Judge changes that nobody has accepted, those shown to be weaker first. */
export function openJudges({ judges }: Pick<Verdict, "judges">): JudgeChange[] {
  const open = (judges ?? []).filter(({ accepted }) => accepted === null);
  return open.sort((left, right) => Number(right.weaker !== null) - Number(left.weaker !== null));
}

/** One line: "test/a.test.js (modified; `npm test` runs it; weaker: `assert(x)` is gone)". */
export function describeJudge({ path, status, weaker, why }: JudgeChange): string {
  const parts = [status, why, ...(weaker === null ? [] : [`weaker: ${weaker}`])];
  return oneLine(`${path} (${parts.join("; ")})`, maxLine);
}

/**
 * The question for a person about these files as they are in this change, and about the findings.
 */
export function askAboutJudges(
  open: readonly JudgeChange[],
  { findings }: Pick<Verdict, "findings">,
): string {
  const found = [...new Set(findings.map(({ message }) => oneLine(message, maxLine)))];
  const lines = found.slice(0, maxFound).map((line) => `\n- ${line}`);
  const shown = lines.length > 0 ? `\nFindings:${lines.join("")}` : "";
  return `The checks are green, but the change edits ${count(open.length, "file")} that ${open.length === 1 ? "judges" : "judge"} it, and nobody asked for that:\n${listJudges(open)}${shown}\nAnswer "accept" to deliver it as it is, "without" to deliver it without ${open.length === 1 ? "that file" : "these files"}, or say what the agent should do.`;
}

/**
 * The question for a person when the work does not pass without the files that were to be left out.
 */
export function askAboutMissed(paths: readonly string[], summary: string): string {
  const list = paths.slice(0, maxListed).map((path) => `- ${oneLine(path, maxLine)}`);
  return `Without the change to ${count(paths.length, "file")} the work does not pass: ${oneLine(summary, 1_000)}\nLeft out:\n${[...list, ...more(paths.length)].join("\n")}\nAnswer "accept" to take it with them after all, or say what the agent should do.`;
}

/** The feedback for the coder about the judges that its change weakens. */
export function tellCoderOfJudges(open: readonly JudgeChange[]): string {
  return [
    `Your change makes weaker what judges it, and nobody asked for that:`,
    wrapOutsideText(listJudges(open), "the change itself", "the agent that made it"),
    "Put back what it asserted before, and mend the source instead. Where the goal does ask for it, leave it as it is and say in your summary which words of the goal ask for it: a person decides then.",
  ].join("\n\n");
}

/** A clause for a verdict, and for why an attempt is sent back. */
export function summarizeJudges(open: readonly JudgeChange[]): string {
  const names = open.slice(0, 3).map(({ path }) => oneLine(path, 200));
  const left = open.length - names.length;
  return `the change edits what judges it: ${names.join(", ")}${left > 0 ? ` and ${left} more` : ""}`;
}

function listJudges(open: readonly JudgeChange[]): string {
  const lines = open.slice(0, maxListed).map((judge) => `- ${describeJudge(judge)}`);
  return [...lines, ...more(open.length)].join("\n");
}

function more(length: number): string[] {
  return length > maxListed ? [`- and ${length - maxListed} more`] : [];
}

export function oneLine(text: string, max: number): string {
  const line = cleanOutsideText(text.slice(0, 4 * max))
    .replace(/\s+/g, " ")
    .trim();
  return line.length <= max ? line : `${line.slice(0, max - 1).replace(/\p{Surrogate}$/u, "")}…`;
}

/** Whether a person's answer wants the work without the files in question. */
export function isWithout(answer: string): boolean {
  return /^(?:deliver )?without(?: (?:it|them|these|this))?[.!]?$/i.test(answer.trim());
}
