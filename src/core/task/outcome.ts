import type { AttemptConfinement } from "../proof/confinement.ts";
import type { Verdict } from "../proof/verdict.ts";
import type { Decision, EndReason, FailureKind } from "./failure.ts";
import type { FollowUp, Plan } from "./plan.ts";
import type { Preparation } from "./task.ts";

/** The stages that claim work, in the order in which work passes through them. */
export const stageNames = ["plan", "execute", "verify", "recover", "integrate", "deliver"] as const;
export type StageName = (typeof stageNames)[number];

/** What a stage gets with a claim: ids, the fencing token, and the attempt if there is one. */
export type Claim = {
  stage: StageName;
  taskId: string;
  subtaskId: string | null;
  attemptId: string | null;
  /** Raised by every claim; a write with an older epoch is refused. */
  epoch: number;
};

/** A stage's report when it stops. Stages never change state; `advance` does, from this. */
export type Outcome =
  /** `prepared`: since when the result of setup is there, in words; null: it is not. */
  | { kind: "planned"; preparation: Preparation; plan: Plan; prepared?: string | null }
  /** A subtask of kind `plan` was planned: these subtasks replace it. */
  | { kind: "subplanned"; plan: Plan }
  | { kind: "refused"; detail: string }
  /**
   * Planning or a review needs a call that the budget has no room for: a person is asked, then it
   * continues.
   */
  | { kind: "unaffordable"; detail: string }
  /** A merge turned a check of the whole red: it is taken back, with what was built on it. */
  | {
      kind: "blamed";
      /** The head of the task branch where that was found, and the one without the merge. */
      from: string;
      to: string;
      /** The subtask that is worked on again, and those that wait for it. */
      subtaskId: string;
      consumerIds: string[];
      /** The command that was red; the subtask is checked by it from now on. */
      check: string;
      detail: string;
      /** For the next attempt. */
      evidence: string;
    }
  /**
   * The base, merged into finished work, turned checks red: this subtask is worked on again, as if a
   * person had commented on it.
   */
  | { kind: "outdated"; subtaskId: string; place: string; text: string }
  /**
   * What an attempt started from is red without its changes, and the head of the task branch is not:
   * its work goes on from there, merged into `commit`.
   */
  | { kind: "moved"; to: string; commit: string; detail: string }
  /** The planner asks a person something; its session continues with the answer. */
  | { kind: "asked"; question: string; choices?: string[] }
  | {
      kind: "attempted";
      reason: EndReason;
      /** Set if the agent could not even try; null lets recovery classify. */
      failure: FailureKind | null;
      detail: string;
      outputTail: string;
      commit: string | null;
      snapshotRef: string | null;
      summary: string | null;
      question: string | null;
      /** The answers that it offers with the question; absent: none. */
      choices?: string[];
      discoveries: string[];
      /** Further work that the agent asks for, taken up once its own is merged. */
      followUps: FollowUp[];
      confinement: AttemptConfinement | null;
      /** When a provider limit ends; null: unknown, or there was none. */
      retryAt: Date | null;
    }
  /**
   * `commit` replaces the attempt's commit: the same without the files that a person wants left
   * out.
   */
  | { kind: "verified"; verdict: Verdict; commit?: string }
  /** `feedback` goes to the next attempt. */
  | { kind: "decided"; decision: Decision; feedback: string | null }
  /** `verdict` on the merge; null when the task branch moved to the very commit that was verified. */
  | { kind: "integrated"; commit: string; verdict: Verdict | null }
  | { kind: "conflicted"; files: string[]; detail: string }
  | { kind: "gate_failed"; verdict: Verdict }
  | {
      kind: "delivered";
      branch: string | null;
      commit: string | null;
      url: string | null;
      detail: string;
      /** Of the final gate; left out: no check was left for it. */
      gateVerdict?: Verdict;
    }
  /** The process is shutting down: the claim is given back, nothing is lost or counted. */
  | { kind: "parked"; detail: string; snapshotRef: string | null }
  /** No report: the process with the claim is dead, or no longer works on it. */
  | { kind: "lost"; detail: string }
  /**
   * A provider limit: the same stage runs again at `retryAt` and nothing is counted. Null: unknown.
   * `agent`: whose provider it is; absent: it is another server's.
   */
  | { kind: "postponed"; detail: string; retryAt: Date | null; agent?: string }
  /**
   * A volume is full (`detail` says which): the same stage runs again when there is space, and
   * nothing is counted.
   */
  | { kind: "no_space"; detail: string }
  /**
   * Commits named in rows are in no mirror any more: they are made again, and nothing is counted.
   */
  | ({ kind: "work_lost" } & LostWork)
  /**
   * A row that the stage needs cannot be read: the same stage runs once it can, and nothing is
   * counted.
   */
  | { kind: "unreadable"; detail: string }
  /**
   * The stage could not do its work (disk, git, network): it is retried a few times. `isOutage`: for
   * want of another server, which is waited for longer.
   */
  | { kind: "broken"; detail: string; isOutage?: boolean };

export type LostWork = {
  detail: string;
  /**
   * The lost head of the task branch and the commit that replaces it; null if the head is intact.
   * `base`: what that is based on, where a merge with a later base is lost, too.
   */
  head: { lost: string; to: string; base?: string } | null;
  /** Completed subtasks whose work is not in the commit that replaces the head. */
  subtaskIds: string[];
};

/** Works on one claim and returns what came of it. Rejects for infrastructure and bugs alone. */
export type Stage = (claim: Claim, signal: AbortSignal) => Promise<Outcome>;
