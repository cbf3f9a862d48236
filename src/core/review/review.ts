/**
 * A review of a change, as it is kept with its verdict: who looked, what they found, and how each
 * finding closed. A review is the sum of the one before it and what this round added, so the last
 * one of a subtask tells all of it.
 *
 * A finding is a claim. It blocks only when its evidence holds, and whether it does is found out by
 * running a command or by looking for a quote, never by believing whoever made the claim. It closes
 * in the same way, or because somebody who took no side found the answer to it right.
 */
export const assurances = ["quick", "standard", "high"] as const;
/** How far the work is looked at after green checks: by nobody, by one reviewer, by three. */
export type Assurance = (typeof assurances)[number];

export const reviewersOf = { quick: 0, standard: 1, high: 3 } as const satisfies Record<
  Assurance,
  number
>;

/** 0: breaks what works or loses data. 1: does not do what was asked. 2: should be better. 3: taste. */
export type Priority = 0 | 1 | 2 | 3;

/** The last priority that blocks. */
export const blocksUpTo = { quick: -1, standard: 1, high: 2 } as const satisfies Record<
  Assurance,
  number
>;

/** Rounds of findings and answers before a person is asked. */
export const maxRounds = 3;

export type Lines = { from: number; to: number };

/** `command`: it fails while the finding is right. `quote`: it stands in the file, or in the diff. */
export type Evidence = { kind: "command"; command: string } | { kind: "quote"; text: string };

/** What the daemon saw when it looked at the evidence. */
export type Proof = {
  /** `unknown`: it could not be looked at, which neither opens a finding nor closes one. */
  holds: "yes" | "no" | "unknown";
  /** One clause: "exit 1", "is in src/a.ts", "is not in src/a.ts". */
  detail: string;
  /** The end of what a command printed; null for a quote. */
  output: string | null;
  /** Where a quote was found: that is where it has to be gone from. Null for a command. */
  where: "file" | "diff" | null;
};

export type FindingState =
  | { is: "open" }
  /** It never blocked: by its priority, or because its evidence does not hold. */
  | { is: "note"; why: string }
  | { is: "fixed"; how: string; attempt: number }
  /** The coder's answer was judged to be right. */
  | { is: "rebutted"; why: string; attempt: number }
  /** Reviewers disagreed, and it was settled against it. */
  | { is: "overruled"; why: string; attempt: number }
  | { is: "accepted"; attempt: number };

export type ReviewFinding = {
  /** `F1`, `F2`, … unique in the subtask: what a rebuttal names. */
  id: string;
  priority: Priority;
  file: string;
  lines: Lines | null;
  claim: string;
  evidence: Evidence;
  proof: Proof;
  /** The reviewers that found it, of the round that raised it. */
  seats: number[];
  /** Number of the attempt it was raised on. */
  raisedOn: number;
  state: FindingState;
  /** Why the last answer to it, or the doubt of another reviewer, was not taken; null: there was none. */
  upheld: string | null;
};

export type Reviewer = {
  seat: number;
  agent: string;
  /** Null: the agent does not say. */
  model: string | null;
  sameAsCoder: boolean;
  /** `not_done`: it could not review, or not in words that could be read; `detail` says why. */
  result: "done" | "not_done";
  /** Its verdict in words, or why there is none. */
  detail: string;
};

export type Review = {
  assurance: Assurance;
  /** From 1; begins anew when a person has answered. */
  round: number;
  commit: string;
  tree: string;
  /** The round brought no change to what was reviewed before. */
  unchanged: boolean;
  reviewers: Reviewer[];
  findings: ReviewFinding[];
  /** What of the review was not done, for the receipt. */
  notDone: string[];
};

export function openFindings(review: Pick<Review, "findings">): ReviewFinding[] {
  return review.findings.filter(({ state }) => state.is === "open");
}

/** Whether the loop ends here, so that a person has to say how to go on; null: another round. */
export function whyLoopEnds(review: Review): string | null {
  if (openFindings(review).length === 0) return null;
  if (review.unchanged) return "the agent changed nothing in answer to the findings";
  return review.round >= maxRounds ? `${review.round} rounds did not settle them` : null;
}

/**
 * What the caller asked for, else the configuration; else a review where a model did the work and an
 * agent can be had for it: a program that needs no model goes on without one.
 */
export function resolveAssurance(
  asked: Assurance | null,
  configured: Assurance | null,
  coder: { isModel: boolean; canBeReviewed: boolean },
): Assurance {
  return asked ?? configured ?? (coder.isModel && coder.canBeReviewed ? "standard" : "quick");
}

/** Whether a person's answer about a review that was not done asks for another try. */
export function isReviewAgain(answer: string): boolean {
  return /^review( (it )?again)?[.!]?$/i.test(answer.trim());
}

/** Whether a person's answer about open findings takes the work as it is. Anything else is for the coder. */
export function isAcceptance(answer: string): boolean {
  return /^accept(ed)?[.!]?$/i.test(answer.trim());
}
