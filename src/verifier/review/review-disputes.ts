import { readRebuttals } from "../../core/review/rebuttals.ts";
import { openFindings, type ReviewFinding } from "../../core/review/review.ts";
import { type Ruling, readRulings, rulingOutputSchema } from "../../core/review/review-answer.ts";
import { closeByRuling, findDisputed } from "../../core/review/review-rules.ts";
import { writeJudgeBrief } from "./review-brief.ts";
import { ask } from "./review-call.ts";
import { type Asked, callPlace, type Round } from "./review-round.ts";

/**
 * Settles disputed findings, with one call each: an arbiter where reviewers disagree, a judge where
 * the coder answered. Without an answer the findings stand.
 */
export async function settleDoubts(
  round: Round,
  findings: ReviewFinding[],
  asked: readonly Asked[],
): Promise<ReviewFinding[]> {
  const { attempt } = round;
  const fine = asked.flatMap(({ answer, reviewer: { seat } }) =>
    (answer?.fine ?? []).map((place) => ({ seat, ...place })),
  );
  const disputes = findDisputed(findings, fine, attempt.number).map(({ finding, doubts }) => ({
    finding,
    against: doubts.map((why) => `- found right: ${why || "no reason given"}`).join("\n"),
  }));
  if (disputes.length === 0) return findings;
  const rulings = await askJudge(round, "arbiter", disputes);
  return closeByRuling(findings, rulings, idsOf(disputes), "overruled", attempt.number);
}

/** Settles the coder's answers to findings that it received and that are still open. */
export async function settleRebuttals(
  round: Round,
  findings: ReviewFinding[],
): Promise<ReviewFinding[]> {
  const { attempt } = round;
  const answers = new Map(readRebuttals(attempt.summary).map(({ finding, why }) => [finding, why]));
  const disputes = openFindings({ findings }).flatMap((finding) => {
    const against = finding.raisedOn < attempt.number ? answers.get(finding.id) : undefined;
    return against === undefined ? [] : [{ finding, against }];
  });
  if (disputes.length === 0) return findings;
  const rulings = await askJudge(round, "judge", disputes);
  return closeByRuling(findings, rulings, idsOf(disputes), "rebutted", attempt.number);
}

async function askJudge(
  round: Round,
  kind: "judge" | "arbiter",
  disputes: readonly { finding: ReviewFinding; against: string }[],
): Promise<Ruling[]> {
  const who = kind === "judge" ? "the author of the change" : "other reviewers";
  const arbiter = kind === "arbiter" ? round.deps.arbiter(round.work.task) : null;
  const reviewer = round.chosen[0];
  const read = await ask(callPlace(round), {
    key: { attemptId: round.attempt.id, kind, seat: 0 },
    role: kind === "judge" ? "reviewer" : "planner",
    agent: arbiter ?? reviewer?.agent ?? null,
    model: arbiter === null ? reviewer?.model : undefined,
    brief: await writeJudgeBrief(round.work, disputes, who),
    outputSchema: rulingOutputSchema,
    read: readRulings,
  });
  if (!("problem" in read)) return read.answer;
  const ids = disputes.map(({ finding }) => finding.id).join(", ");
  round.notDone.push(
    `Nobody judged what ${who} said against ${ids}, so it stands: ${read.problem}`,
  );
  return [];
}

function idsOf(disputes: readonly { finding: ReviewFinding }[]): Set<string> {
  return new Set(disputes.map(({ finding }) => finding.id));
}
