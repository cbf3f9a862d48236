import {
  type Assurance,
  blocksUpTo,
  type Evidence,
  type FindingState,
  type Lines,
  openFindings,
  type Proof,
  type Review,
  type ReviewFinding,
} from "./review.ts";
import type { ReviewAnswer, Ruling } from "./review-answer.ts";

/**
 * How findings open and close. Pure: takes checked evidence and rulings, returns the updated
 * findings. The functions are in the order of a round.
 */
export type Raised = {
  seat: number;
  finding: ReviewAnswer["findings"][number];
  proof: Proof;
};

/** Updates open findings after their evidence was checked again on the new commit. */
export function closeByEvidence(
  findings: readonly ReviewFinding[],
  proofs: ReadonlyMap<string, Proof>,
  attempt: number,
): ReviewFinding[] {
  return findings.map((finding) => {
    const proof = proofs.get(finding.id);
    if (finding.state.is !== "open" || !proof) return finding;
    if (proof.holds === "unknown") return finding;
    if (proof.holds === "yes") return { ...finding, proof };
    return { ...finding, proof, state: { is: "fixed", how: proof.detail, attempt } };
  });
}

/**
 * Adds this round's findings to the known ones. The same evidence is the same finding: an open one
 * stays open, a settled one is not reopened, and a fixed one whose evidence holds again becomes a
 * new finding.
 */
export function addRaised(
  known: readonly ReviewFinding[],
  raised: readonly Raised[],
  { assurance, attempt }: { assurance: Assurance; attempt: number },
): ReviewFinding[] {
  const findings = [...known];
  for (const { seat, finding, proof } of raised) {
    const at = findings.findLastIndex((other) => keyOf(other) === keyOf(finding));
    const same = findings[at];
    const state = firstState(finding.priority, proof, assurance);
    const raise = (id: string): ReviewFinding => ({
      ...finding,
      ...{ id, proof, seats: [seat], raisedOn: attempt, state, upheld: null },
    });
    const isBack = same?.state.is === "fixed" && proof.holds === "yes";
    if (!same || isBack) findings.push(raise(`F${findings.length + 1}`));
    // A note raised again as graver, or now proven, keeps its id.
    else if (same.state.is === "note" && state.is === "open") findings[at] = raise(same.id);
    else findings[at] = { ...same, seats: [...new Set([...same.seats, seat])] };
  }
  return findings;
}

function firstState(priority: number, proof: Proof, assurance: Assurance): FindingState {
  if (proof.holds === "no")
    return { is: "note", why: `its evidence does not hold: it ${proof.detail}` };
  if (proof.holds === "unknown")
    return { is: "note", why: `its evidence could not be looked at: it ${proof.detail}` };
  if (priority <= blocksUpTo[assurance]) return { is: "open" };
  return { is: "note", why: `priority ${priority} does not block` };
}

/** Open findings of this round about a place that another reviewer called fine. */
export function findDisputed(
  findings: readonly ReviewFinding[],
  fine: readonly { seat: number; file: string; lines: Lines | null; why: string }[],
  attempt: number,
): { finding: ReviewFinding; doubts: string[] }[] {
  return openFindings({ findings: [...findings] })
    .filter(({ raisedOn }) => raisedOn === attempt)
    .map((finding) => ({
      finding,
      doubts: fine
        .filter(({ seat, file, lines }) => {
          const isOther = !finding.seats.includes(seat);
          return isOther && file === finding.file && overlap(lines, finding.lines);
        })
        .map(({ why }) => why),
    }))
    .filter(({ doubts }) => doubts.length > 0);
}

function overlap(left: Lines | null, right: Lines | null): boolean {
  return !left || !right || (left.from <= right.to && right.from <= left.to);
}

/**
 * Applies a neutral judge's rulings to these findings. A finding without a ruling stands: silence
 * closes nothing.
 */
export function closeByRuling(
  findings: readonly ReviewFinding[],
  rulings: readonly Ruling[],
  about: ReadonlySet<string>,
  settled: "rebutted" | "overruled",
  attempt: number,
): ReviewFinding[] {
  return findings.map((finding) => {
    if (finding.state.is !== "open" || !about.has(finding.id)) return finding;
    const ruling = rulings.find((each) => each.finding === finding.id);
    if (ruling?.ruling !== "falls") return { ...finding, upheld: ruling?.why ?? finding.upheld };
    return { ...finding, state: { is: settled, why: ruling.why, attempt } };
  });
}

/** A person accepts the work with its open findings. */
export function acceptOpen(findings: readonly ReviewFinding[], attempt: number): ReviewFinding[] {
  return findings.map((finding) =>
    finding.state.is === "open" ? { ...finding, state: { is: "accepted", attempt } } : finding,
  );
}

/** The number of this round, from 1; counting restarts after a person answered. */
export function nextRound(earlier: Review | null, personAnswered: boolean): number {
  return earlier && !personAnswered && openFindings(earlier).length > 0 ? earlier.round + 1 : 1;
}

/** Quotes are compared without regard to indentation and wrapping. */
export function flatten(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function keyOf({ evidence, file }: { evidence: Evidence; file: string }): string {
  switch (evidence.kind) {
    case "command":
      return `command ${flatten(evidence.command)}`;
    case "quote":
      return `quote ${file} ${flatten(evidence.text)}`;
  }
}
