/**
 * The review of a change, kept with its verdict: who looked, what they found, and how each finding
 * closed. Each review includes the one before it, so the last one of a subtask tells everything.
 *
 * A finding is a claim. It blocks only if its evidence holds, which is checked by running a command
 * or searching for a quote, never by trusting the claimant. It closes in the same way, or because a
 * neutral judge accepted the answer to it.
 */
export const assurances = ["quick", "standard", "high"] as const;
/** Who reviews the work after green checks: nobody, one reviewer, or three. */
export type Assurance = (typeof assurances)[number];

export const reviewersOf = { quick: 0, standard: 1, high: 3 } as const satisfies Record<
  Assurance,
  number
>;

/**
 * 0: breaks what works or loses data. 1: does not do what was asked. 2: should be better. 3: taste.
 */
export type Priority = 0 | 1 | 2 | 3;

/** The last priority that blocks. */
export const blocksUpTo = { quick: -1, standard: 1, high: 2 } as const satisfies Record<
  Assurance,
  number
>;

/** Rounds of findings and answers before a person is asked. */
export const maxRounds = 3;

export type Lines = { from: number; to: number };

/** `command`: it fails while the finding is right. `quote`: it is in the file, or in the diff. */
export type Evidence = { kind: "command"; command: string } | { kind: "quote"; text: string };

/** What the daemon saw when it checked the evidence. */
export type Proof = {
  /** `unknown`: it could not be checked, which neither opens nor closes a finding. */
  holds: "yes" | "no" | "unknown";
  /** One clause: "exit 1", "is in src/a.ts", "is not in src/a.ts". */
  detail: string;
  /** The end of the command's output; null for a quote. */
  output: string | null;
  /** Where a quote was found, and has to disappear from. Null for a command. */
  where: "file" | "diff" | null;
};

export type FindingState =
  | { is: "open" }
  /** It never blocked, because of its priority or because its evidence does not hold. */
  | { is: "note"; why: string }
  | { is: "fixed"; how: string; attempt: number }
  /** The coder's answer was judged right. */
  | { is: "rebutted"; why: string; attempt: number }
  /** Reviewers disagreed, and it was settled against the finding. */
  | { is: "overruled"; why: string; attempt: number }
  | { is: "accepted"; attempt: number };

export type ReviewFinding = {
  /** `F1`, `F2`, … unique in the subtask; a rebuttal refers to it. */
  id: string;
  priority: Priority;
  file: string;
  lines: Lines | null;
  claim: string;
  evidence: Evidence;
  proof: Proof;
  /** The reviewers that reported it in the round that raised it. */
  seats: number[];
  /** Number of the attempt it was raised on. */
  raisedOn: number;
  state: FindingState;
  /** Why the last rebuttal, or another reviewer's doubt, was rejected; null: there was none. */
  upheld: string | null;
};

export type Reviewer = {
  seat: number;
  agent: string;
  /** Null: the agent does not say. */
  model: string | null;
  sameAsCoder: boolean;
  /** `not_done`: it could not review, or its answer was unreadable; `detail` says why. */
  result: "done" | "not_done";
  /** Its summary, or why there is none. */
  detail: string;
};

export type Review = {
  assurance: Assurance;
  /** From 1; restarts when a person has answered. */
  round: number;
  commit: string;
  tree: string;
  /** The round brought no change since the previous review. */
  unchanged: boolean;
  reviewers: Reviewer[];
  findings: ReviewFinding[];
  /** Parts of the review that were not done, for the receipt. */
  notDone: string[];
};

export function openFindings(review: Pick<Review, "findings">): ReviewFinding[] {
  return review.findings.filter(({ state }) => state.is === "open");
}

/** Why the loop ends here, so that a person has to decide; null: another round. */
export function whyLoopEnds(review: Review): string | null {
  if (openFindings(review).length === 0) return null;
  if (review.unchanged) return "the agent changed nothing in answer to the findings";
  return review.round >= maxRounds ? `${review.round} rounds did not settle them` : null;
}

/**
 * The caller's choice, else the configuration; else a review if a model did the work and a reviewer
 * is available. A program that needs no model is not reviewed.
 */
export function resolveAssurance(
  asked: Assurance | null,
  configured: Assurance | null,
  coder: { isModel: boolean; canBeReviewed: boolean },
): Assurance {
  return asked ?? configured ?? (coder.isModel && coder.canBeReviewed ? "standard" : "quick");
}

/** Whether a person's answer about a missing review asks for another try. */
export function isReviewAgain(answer: string): boolean {
  return /^review( (it )?again)?[.!]?$/i.test(answer.trim());
}

/**
 * Whether a person's answer about open findings accepts the work as it is. Anything else is for the
 * coder.
 */
export function isAcceptance(answer: string): boolean {
  return /^accept(ed)?[.!]?$/i.test(answer.trim());
}
