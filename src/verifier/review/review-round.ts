import type { RunRole } from "../../agents/agent.ts";
import type { Verdict } from "../../core/proof/verdict.ts";
import type { AgentModel, chooseReviewers } from "../../core/review/choose-reviewers.ts";
import type { Assurance, Reviewer } from "../../core/review/review.ts";
import type { ReviewAnswer } from "../../core/review/review-answer.ts";
import type { Claim } from "../../core/task/outcome.ts";
import type { Attempt, Subtask, Task } from "../../core/task/task.ts";
import type { Db } from "../../store/database/schema.ts";
import type { Patience } from "./held-up.ts";
import type { ReviewedWork } from "./review-brief.ts";
import type { CallPlace } from "./review-call.ts";
import type { EvidenceInput } from "./review-evidence.ts";

/** The input of a review round: who may be asked, about whose work, and where. */
export type ReviewDeps = {
  runRole: RunRole;
  /** From the configuration; null when it names none. */
  assurance: Assurance | null;
  /** The possible reviewers of this agent's work, in order of preference. */
  candidates: (task: Task, agent: string) => readonly AgentModel[];
  /** The agent that settles disagreements; null: one of the reviewers, with a new context. */
  arbiter: (task: Task) => string | null;
  /** The agent and model that do the task's work under this name. */
  coder: (task: Task, agent: string) => AgentModel & { isModel: boolean };
  report: (claim: Claim, message: string, data: Record<string, unknown>) => Promise<void>;
};

export type ReviewInput = {
  db: Db;
  claim: Claim;
  task: Task;
  subtask: Subtask;
  /** The subtask's attempts, oldest first, including the reviewed one. */
  attempts: readonly Attempt[];
  attempt: Attempt;
  verdict: Verdict;
  evidence: Omit<EvidenceInput, "before">;
};

export type Round = {
  deps: ReviewDeps;
  input: ReviewInput;
  assurance: Assurance;
  attempt: Attempt;
  evidence: EvidenceInput;
  work: ReviewedWork;
  /** The same change as a commit without its author's words: the real message holds the summary. */
  shown: string;
  chosen: ReturnType<typeof chooseReviewers>;
  patience: Patience;
  /** The parts that were not reviewed, in words; added to during the round. */
  notDone: string[];
};

export type Asked = { reviewer: Reviewer; answer: ReviewAnswer | null };

/** The place of a review's calls: about the subtask, but not one of its attempts. */
export function callPlace({ assurance, deps, evidence, input, patience, shown }: Round): CallPlace {
  const { baseCommit, env, logRoot, mirror, signal, sparse, workRoot } = evidence;
  const { claim, db, subtask } = input;
  return {
    ...{ db, baseCommit, commit: shown, env: { ...env }, logRoot, mirror, signal, workRoot },
    sparse: sparse ?? null,
    runRole: deps.runRole,
    patience,
    // Where a review is required, one crash must not end it.
    maxAsked: assurance === "high" ? 3 : 1,
    tries: { ...evidence, commit: shown },
    about: { taskId: claim.taskId, subtaskId: subtask.id },
  };
}
