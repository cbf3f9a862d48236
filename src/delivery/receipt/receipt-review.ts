import type { Review, ReviewFinding } from "../../core/review/review.ts";
import { describePlace, describeState } from "../../core/review/review-words.ts";
import type { Attempt, Subtask } from "../../core/task/task.ts";

/**
 * The receipt's part on reviews: who reviewed, whether it was the coder's own model, and every
 * finding with its evidence and how it closed. Pure; wire names. The last review of a subtask
 * includes all earlier findings.
 */
export function describeReviews(subtasks: readonly Subtask[], attempts: readonly Attempt[]) {
  return subtasks.flatMap(({ id, key }) => {
    const reviews = attempts.flatMap(({ subtaskId, verdict }) =>
      subtaskId === id && verdict?.review ? [verdict.review] : [],
    );
    const last = reviews.at(-1);
    return last ? [describeReview(key, last, reviews.length)] : [];
  });
}

function describeReview(subtask: string, review: Review, rounds: number) {
  return {
    subtask,
    assurance: review.assurance,
    rounds,
    reviewers: review.reviewers.map(({ agent, detail, model, result, sameAsCoder, seat }) => ({
      ...{ seat, agent, model, result, detail },
      same_as_coder: sameAsCoder,
    })),
    findings: review.findings.map(describeFinding),
    not_done: review.notDone,
  };
}

function describeFinding(finding: ReviewFinding) {
  const { claim, evidence, file, id, lines, priority, proof, raisedOn, seats, state, upheld } =
    finding;
  return {
    ...{ id, priority, file, lines, claim, evidence },
    place: describePlace(finding),
    evidence_result: proof.detail,
    raised_on_attempt: raisedOn,
    reviewers: seats,
    state: state.is,
    closed: describeState(finding),
    upheld,
  };
}

export type ReceiptReview = ReturnType<typeof describeReview>;

/** Sections of list items; the renderer keeps each item on one line. */
export function renderReviews(
  reviews: readonly ReceiptReview[],
): { title: string; items: string[] }[] {
  return reviews.map(({ assurance, findings, not_done, reviewers, rounds, subtask }) => ({
    title: `Review of ${subtask} (${assurance}, ${rounds} ${rounds === 1 ? "round" : "rounds"})`,
    items: [
      ...reviewers.map(describeReviewer),
      ...findings.map(
        ({ claim, closed, evidence, evidence_result, id, place, priority }) =>
          `${id}, priority ${priority}, ${place}: ${claim} Evidence: ${evidence.kind === "command" ? `\`${evidence.command}\`` : "a quote"} ${evidence_result}. **${closed}**`,
      ),
      ...not_done,
      ...(findings.length === 0 && reviewers.some(({ result }) => result === "done")
        ? ["Nothing was found."]
        : []),
    ],
  }));
}

function describeReviewer({
  agent,
  detail,
  model,
  result,
  same_as_coder,
}: ReceiptReview["reviewers"][number]) {
  const who = `\`${agent}\`${model ? ` (${model})` : ""}`;
  const same = same_as_coder ? ", the same model as the coder's, in a context of its own" : "";
  const said = result === "not_done" ? `not done: ${detail}` : detail || "gave no summary";
  return `Reviewed by ${who}${same}: ${said}`;
}
