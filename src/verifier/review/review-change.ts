import { mkdir } from "node:fs/promises";
import type { Verdict } from "../../core/proof/verdict.ts";
import { chooseReviewers } from "../../core/review/choose-reviewers.ts";
import { readNotDone } from "../../core/review/not-done.ts";
import { listChangedLines, numberDiff } from "../../core/review/number-diff.ts";
import {
  type Assurance,
  blocksUpTo,
  isAcceptance,
  openFindings,
  type Review,
  type ReviewFinding,
  resolveAssurance,
  reviewersOf,
} from "../../core/review/review.ts";
import { readReviewAnswer, reviewOutputSchema } from "../../core/review/review-answer.ts";
import {
  acceptOpen,
  addRaised,
  closeByEvidence,
  nextRound,
} from "../../core/review/review-rules.ts";
import { maxProviderWaits } from "../../core/task/provider-wait.ts";
import { type Subtask, type Task, workerOf } from "../../core/task/task.ts";
import { getReviewVerdictOfPerson, wasBudgetRefused } from "../../store/records/reviews.ts";
import { commitTree } from "../../worktree/commits/commit-tree.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { diffCommits } from "../../worktree/read/diff.ts";
import { treeOf } from "../../worktree/read/read-commit.ts";
import { listSome } from "../change/list-some.ts";
import { concludeReview } from "./conclude-review.ts";
import { writeReviewBrief } from "./review-brief.ts";
import { ask } from "./review-call.ts";
import { settleDoubts, settleRebuttals } from "./review-disputes.ts";
import { proveClaims } from "./review-evidence.ts";
import {
  type Asked,
  callPlace,
  type ReviewDeps,
  type ReviewInput,
  type Round,
} from "./review-round.ts";

/**
 * Reviews one attempt's green commit, as one more step of its verification:
 *
 *   prove the open findings again → ask reviewers, who do not see each other → prove what they
 *   found → an arbiter settles disagreements, a judge the coder's answers → open findings block
 *
 * The review keeps no state except in the database: `ask` stores each answer, and earlier findings
 * are in the previous attempt's verdict. A round that changed nothing asks no reviewer.
 */
export async function reviewChange(
  deps: ReviewDeps,
  input: ReviewInput,
  assurance: Assurance,
): Promise<Verdict> {
  const { attempt, attempts, claim, db, evidence, subtask, task, verdict } = input;
  await mkdir(evidence.logRoot, { recursive: true });
  const past = attempts.findLast((one) => one.number < attempt.number && one.verdict?.review);
  const earlier = past?.verdict?.review ?? null;
  const tree = await treeOf(evidence.mirror, evidence.commit);
  const unchanged = earlier !== null && earlier.tree === tree;
  const { changedFrom, commit, mirror } = evidence;
  const diff = await readChange(mirror, changedFrom, commit);
  const { endedAt } = attempt;
  const round: Round = {
    ...{ deps, input, assurance, attempt, notDone: [] },
    shown: await commitTree(mirror, tree, [changedFrom], "The change under review"),
    evidence: { ...evidence, before: earlier?.commit ?? null },
    work: { task, subtask, diff },
    patience: {
      mayPostpone: subtask.postponed < maxProviderWaits,
      mayAskForBudget: !(endedAt && (await wasBudgetRefused(db, task.id, endedAt))),
    },
    chosen: chooseReviewers(
      deps.candidates(task, workerOf(subtask)),
      deps.coder(task, workerOf(subtask)),
      reviewersOf[assurance],
    ),
  };

  let findings = await lookAgain(round, earlier?.findings ?? []);
  const asked =
    unchanged && earlier.notDone.length === 0 ? null : await askReviewers(round, earlier, findings);
  if (asked) {
    findings = await addAnswers(round, findings, asked);
    findings = await settleDoubts(round, findings, asked);
  }
  findings = await settleRebuttals(round, findings);
  const word = attempt.endedAt
    ? await getReviewVerdictOfPerson(db, subtask.id, attempt.endedAt)
    : null;
  const isAccepted = word !== null && isAcceptance(word);
  if (isAccepted) findings = acceptOpen(findings, attempt.number);

  const review: Review = {
    ...{ assurance, commit, tree, unchanged, findings },
    round: nextRound(earlier, past?.decision?.action === "ask"),
    reviewers: asked?.map(({ reviewer }) => reviewer) ?? earlier?.reviewers ?? [],
    notDone: round.notDone,
  };
  const open = openFindings(review).length;
  await deps.report(claim, describeRound(review, open), {
    step: "review",
    round: review.round,
    open,
    findings: findings.length,
  });
  return concludeReview(verdict, review, isAccepted);
}

/** A round in which nobody answered found nothing, which says nothing about the change. */
function describeRound({ findings, notDone, reviewers, round }: Review, open: number): string {
  const missing = notDone.length === 0 ? "" : `; ${listSome(notDone, 3)}`;
  const isDone = reviewers.some(({ result }) => result === "done");
  if (!isDone && open === 0) return `Review, round ${round}, was not done${missing}`;
  const result = open === 0 ? "nothing blocks" : `${open} open`;
  return `Review, round ${round}: ${result}, ${findings.length} found so far${missing}`;
}

/** Returns how thoroughly this subtask's work is to be reviewed. */
export function assuranceOf(deps: ReviewDeps, task: Task, subtask: Subtask): Assurance {
  const { isModel } = deps.coder(task, workerOf(subtask));
  const canBeReviewed = deps.candidates(task, workerOf(subtask)).length > 0;
  return resolveAssurance(task.assurance, deps.assurance, { isModel, canBeReviewed });
}

/** An open finding closes when its evidence is gone, regardless of any answer. */
async function lookAgain(round: Round, known: ReviewFinding[]): Promise<ReviewFinding[]> {
  const open = openFindings({ findings: known });
  const proofs = await proveClaims(round.evidence, open);
  const byId = new Map(open.flatMap(({ id }, at) => (proofs[at] ? [[id, proofs[at]]] : [])));
  return closeByEvidence(known, byId, round.attempt.number);
}

/** More than this for the lines around a change costs more than a reviewer who reads them. */
const maxWithContext = 60_000;

/** The change with what is around it: small files whole, while that is not too much to read. */
async function readChange(mirror: Mirror, from: string, to: string): Promise<string> {
  for (const context of [10_000_000, 15]) {
    const diff = await diffCommits(mirror, from, to, { context });
    const isCut = diff.endsWith(" more bytes of this diff left out]\n");
    const shown = isCut ? "" : numberDiff(diff);
    if (!isCut && shown.length <= maxWithContext) return shown;
  }
  return numberDiff(await diffCommits(mirror, from, to));
}

async function askReviewers(
  round: Round,
  earlier: Review | null,
  known: readonly ReviewFinding[],
): Promise<Asked[]> {
  const { chosen, evidence, input, work } = round;
  if (chosen.length === 0) {
    round.notDone.push("The change was not reviewed: no agent is configured that could review it.");
    return [];
  }
  const since = earlier
    ? await diffCommits(evidence.mirror, earlier.commit, evidence.commit, { context: 0 })
    : null;
  const brief = await writeReviewBrief(work, {
    checks: input.verdict.checks,
    ...(input.verdict.experiments && { experiments: input.verdict.experiments }),
    earlier: known,
    changedSince: since === null ? null : listChangedLines(since),
    notDone: readNotDone(round.attempt.summary),
    blocksUpTo: blocksUpTo[round.assurance],
    isAlone: chosen.length === 1,
  });
  // Waits for all of them, so that no reviewer keeps running after the verification has failed.
  const settled = await Promise.allSettled(
    chosen.map(async ({ agent, model, sameAsCoder }, at): Promise<Asked> => {
      const seat = at + 1;
      const read = await ask(callPlace(round), {
        key: { attemptId: round.attempt.id, kind: "review", seat },
        ...{ role: "reviewer", agent, model, brief },
        outputSchema: reviewOutputSchema,
        read: readReviewAnswer,
      });
      const who = { seat, agent, model, sameAsCoder };
      return "problem" in read
        ? { reviewer: { ...who, result: "not_done", detail: read.problem }, answer: null }
        : {
            reviewer: { ...who, result: "done", detail: read.answer.summary },
            answer: read.answer,
          };
    }),
  );
  const asked = settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
  for (const { reviewer } of asked) {
    if (reviewer.result === "done") continue;
    round.notDone.push(`The review by \`${reviewer.agent}\` was not done: ${reviewer.detail}`);
  }
  return asked;
}

/** Adds the reviewers' findings, each with its evidence. */
async function addAnswers(
  round: Round,
  known: ReviewFinding[],
  asked: readonly Asked[],
): Promise<ReviewFinding[]> {
  const { assurance, attempt, evidence } = round;
  const raised = asked.flatMap(({ answer, reviewer: { seat } }) =>
    (answer?.findings ?? []).map((finding) => ({ seat, finding })),
  );
  const proofs = await proveClaims(
    evidence,
    raised.map(({ finding }) => ({ ...finding, proof: null })),
  );
  const proven = raised.flatMap((each, at) => (proofs[at] ? [{ ...each, proof: proofs[at] }] : []));
  return addRaised(known, proven, { assurance, attempt: attempt.number });
}
