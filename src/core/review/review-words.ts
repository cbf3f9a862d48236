import { wrapOutsideText } from "../text/data-block.ts";
import {
  type Lines,
  openFindings,
  type Review,
  type ReviewFinding,
  whyLoopEnds,
} from "./review.ts";

/**
 * Findings in words: data for the coder, a question for a person, one line for a verdict. They were
 * written by a model that read untrusted text of the change.
 */
const maxFindingsLength = 12_000;
const maxTold = 20;

/** The feedback for the coder about the open findings. */
export function tellCoder(review: Review): string {
  const open = openFindings(review);
  const told = open.slice(0, maxTold);
  const room = Math.floor(maxFindingsLength / Math.max(1, told.length));
  const list = told.map((finding) => cut(describeFinding(finding), room)).join("\n\n");
  const left = open.length - told.length;
  return [
    `Reviewers found ${count(open.length, "thing")} in your change, and the evidence for each was found to hold:`,
    wrapOutsideText(list, "the reviewers", null),
    ...(left > 0 ? [`${left} more will be told when these are settled.`] : []),
    "Mend what is right, so that the command passes, or the quoted lines are gone. A finding that is wrong you answer with a line `REBUTTAL <its id>: <why>` in your summary; somebody who knows neither of you decides. Saying that it is done closes nothing.",
  ].join("\n\n");
}

/** The question for a person when the loop ends with open findings. */
export function askPerson(review: Review): string {
  const open = openFindings(review);
  const lines = open
    .slice(0, maxTold)
    .map((finding) => `- ${headline(finding)}`)
    .join("\n");
  return `The checks are green, but the review has ${count(open.length, "open finding")}, and ${whyLoopEnds(review) ?? "they are not settled"}:\n${lines}\nAnswer "accept" to take the work with them, or say what the agent should do.`;
}

/** The question for a person when a required review failed despite retries. */
export function askAboutMissing(review: Review): string {
  const lines = review.notDone.map((note) => `- ${cut(note, 300)}`).join("\n");
  return `The checks are green, but the review was not done as it was asked for:\n${lines}\nAnswer "accept" to take the work without it, "review" to have it reviewed again, or say what the agent should do.`;
}

export function describeFinding(finding: ReviewFinding): string {
  const { claim, evidence, id, priority, proof, upheld } = finding;
  const shown =
    evidence.kind === "command"
      ? `\`${evidence.command}\` ${proof.detail}${proof.output ? `, and printed:\n${proof.output}` : ""}`
      : `the quote below ${proof.detail}:\n${evidence.text}`;
  return [
    `${id} (priority ${priority}) in ${describePlace(finding)}: ${claim}`,
    `Evidence: ${shown}`,
    ...(upheld === null ? [] : [`It was doubted, and stands: ${upheld}`]),
  ].join("\n");
}

/** One line. */
export function headline(finding: ReviewFinding): string {
  return cut(
    `${finding.id} (priority ${finding.priority}) ${describePlace(finding)}: ${finding.claim}`,
    300,
  ).replace(/\s+/g, " ");
}

export function describePlace({ file, lines }: { file: string; lines: Lines | null }): string {
  if (!lines) return file;
  return `${file}:${lines.from}${lines.to === lines.from ? "" : `-${lines.to}`}`;
}

/** A clause: how a finding was closed, or that it is open. */
export function describeState({ state, evidence }: ReviewFinding): string {
  switch (state.is) {
    case "open":
      return "open";
    case "note":
      return `not blocking: ${state.why}`;
    case "fixed":
      return `fixed in attempt ${state.attempt}: ${evidence.kind === "command" ? "its command passes" : state.how}`;
    case "rebutted":
      return `answered by the coder, and a judge agreed: ${state.why}`;
    case "overruled":
      return `reviewers disagreed, and it was settled against it: ${state.why}`;
    case "accepted":
      return "accepted by a person";
  }
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function cut(text: string, max: number): string {
  return text.length <= max
    ? text
    : `${text.slice(0, Math.max(0, max - 1)).replace(/\p{Surrogate}$/u, "")}…`;
}
