import type { RunRole } from "../agents/agent.ts";
import type { AgentModel, chooseReviewers } from "../core/choose-reviewers.ts";
import type { Claim } from "../core/outcome.ts";
import type { Assurance, Reviewer } from "../core/review.ts";
import type { ReviewAnswer } from "../core/review-answer.ts";
import type { Attempt, Subtask, Task } from "../core/task.ts";
import type { Verdict } from "../core/verdict.ts";
import type { Db } from "../store/schema.ts";
import type { Patience } from "./held-up.ts";
import type { ReviewedWork } from "./review-brief.ts";
import type { CallPlace } from "./review-call.ts";
import type { EvidenceInput } from "./review-evidence.ts";

/** What a round of a review is given: who may be asked, about whose work, and where. */
export type ReviewDeps = {
  runRole: RunRole;
  /** Of the configuration; null: it does not say. */
  assurance: Assurance | null;
  /** Who could review what this agent did, in order of preference. */
  candidates: (task: Task, agent: string) => readonly AgentModel[];
  /** Who settles what they disagree about; null: one of them, in a context of its own. */
  arbiter: (task: Task) => string | null;
  /** What does the task's work under this name. */
  coder: (task: Task, agent: string) => AgentModel & { isModel: boolean };
  report: (claim: Claim, message: string, data: Record<string, unknown>) => Promise<void>;
};

export type ReviewInput = {
  db: Db;
  claim: Claim;
  task: Task;
  subtask: Subtask;
  /** Of the subtask, oldest first, and the one whose commit is reviewed. */
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
  /** The same change as a commit without a word of its author: the message of the real one has the summary. */
  shown: string;
  chosen: ReturnType<typeof chooseReviewers>;
  patience: Patience;
  /** What could not be asked, in words; added to on the way. */
  notDone: string[];
};

export type Asked = { reviewer: Reviewer; answer: ReviewAnswer | null };

/** Where somebody is asked: about the subtask, but as no attempt of it. */
export function callPlace({ assurance, deps, evidence, input, patience, shown }: Round): CallPlace {
  const { baseCommit, env, logRoot, mirror, signal, workRoot } = evidence;
  const { claim, db, subtask } = input;
  return {
    ...{ db, baseCommit, commit: shown, env: { ...env }, logRoot, mirror, signal, workRoot },
    runRole: deps.runRole,
    patience,
    // Where a review has to be there, one that crashed is not the end of it.
    tries: assurance === "high" ? 3 : 1,
    about: { taskId: claim.taskId, subtaskId: subtask.id },
  };
}
