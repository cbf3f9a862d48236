import type { Verdict } from "../../core/proof/verdict.ts";
import { openFindings, type Review } from "../../core/review/review.ts";
import { count, headline } from "../../core/review/review-words.ts";
import { listSome } from "../change/list-some.ts";
import { notReviewed } from "../checks/conclude.ts";

/**
 * Adds the review to a green verdict. Pure. Open findings fail it. Without a completed review it
 * stays a pass that says so. It is inconclusive when high assurance was requested, unless a person
 * accepted the work as it is.
 */
export function concludeReview(verdict: Verdict, review: Review, isAccepted: boolean): Verdict {
  const open = openFindings(review);
  const isDone = review.reviewers.some(({ result }) => result === "done");
  const reviewed: Verdict = {
    ...verdict,
    review,
    notChecked: [
      ...(isDone ? withoutNote(verdict.notChecked) : verdict.notChecked),
      ...review.notDone,
    ],
  };
  if (open.length > 0) {
    const found = `the review has ${count(open.length, "blocking finding")}`;
    return { ...reviewed, result: "fail", summary: `${found}: ${listSome(open.map(headline), 3)}` };
  }
  if (review.assurance === "high" && review.notDone.length > 0 && !isAccepted) {
    const summary = `the review was not done as it was asked for: ${listSome(review.notDone, 3)}`;
    return { ...reviewed, result: "inconclusive", summary };
  }
  if (!isDone) return reviewed;
  const accepted = review.findings.filter(({ state }) => state.is === "accepted").length;
  const how = accepted > 0 ? `a person accepted ${count(accepted, "finding")}` : "nothing blocks";
  return { ...reviewed, summary: `${verdict.summary}; reviewed, ${how}` };
}

/** Returns the verdict after the merge of a change that was proved and reviewed before it. */
export function carryProof(gate: Verdict, before: Verdict | null): Verdict {
  const { causes, experiments, judges, review } = before ?? {};
  const isDone = review?.reviewers.some(({ result }) => result === "done");
  const unchecked = [...gate.notChecked, ...(before?.notChecked ?? [])];
  const notChecked = isDone ? withoutNote(unchecked) : unchecked;
  return {
    ...gate,
    ...(judges && { judges }),
    ...(experiments && { experiments }),
    ...(causes && { causes }),
    notChecked: [...new Set([...notChecked, ...(review?.notDone ?? [])])],
  };
}

function withoutNote(notChecked: readonly string[]): string[] {
  return notChecked.filter((note) => note !== notReviewed);
}
