import type { AttemptConfinement } from "../proof/confinement.ts";
import type { Verdict } from "../proof/verdict.ts";
import type { Decision, EndReason, FailureKind } from "./failure.ts";
import type { FollowUp, Plan } from "./plan.ts";
import type { Preparation } from "./task.ts";

/** The stages that claim work, in the order in which work passes through them. */
export const stageNames = ["plan", "execute", "verify", "recover", "integrate", "deliver"] as const;
export type StageName = (typeof stageNames)[number];

/** What a claim hands to a stage: ids, the fencing token, and the attempt where there is one. */
export type Claim = {
  stage: StageName;
  taskId: string;
  subtaskId: string | null;
  attemptId: string | null;
  /** Raised by every claim; a write with an older epoch is refused. */
  epoch: number;
};

/** What a stage reports when it stops. Stages never change state; `advance` does, from this. */
export type Outcome =
  | { kind: "planned"; preparation: Preparation; plan: Plan }
  /** A subtask of kind `plan` was planned: these take its place. */
  | { kind: "subplanned"; plan: Plan }
  | { kind: "refused"; detail: string }
  /** Planning, or a review, needs a call that the budget has no room for: a person is asked, then it goes on. */
  | { kind: "unaffordable"; detail: string }
  /** The planner asks a person something; its session goes on with the answer. */
  | { kind: "asked"; question: string }
  | {
      kind: "attempted";
      reason: EndReason;
      /** FailureKind when the agent could not even try; null lets recovery classify. */
      failure: FailureKind | null;
      detail: string;
      outputTail: string;
      commit: string | null;
      snapshotRef: string | null;
      summary: string | null;
      question: string | null;
      discoveries: string[];
      /** Work that it asks for beside its own: taken up once its own is merged. */
      followUps: FollowUp[];
      confinement: AttemptConfinement | null;
      /** When a limit of the provider ends; null: unknown, or it was none. */
      retryAt: Date | null;
    }
  /** `commit` is what was verified in place of the attempt's: the same without files that a person wants left out. */
  | { kind: "verified"; verdict: Verdict; commit?: string }
  /** `feedback` is what the next attempt is told. */
  | { kind: "decided"; decision: Decision; feedback: string | null }
  | { kind: "integrated"; commit: string; verdict: Verdict }
  | { kind: "conflicted"; files: string[]; detail: string }
  | { kind: "gate_failed"; verdict: Verdict }
  | {
      kind: "delivered";
      branch: string | null;
      commit: string | null;
      url: string | null;
      detail: string;
    }
  /** The process is going away: give the claim back, nothing is lost, nothing is counted. */
  | { kind: "parked"; detail: string; snapshotRef: string | null }
  /** Nobody reported: the process that had the claim is dead, or no longer works on it. */
  | { kind: "lost"; detail: string }
  /** The provider asks to wait; null: it does not say how long. The same stage then, and nothing is counted. */
  | { kind: "postponed"; detail: string; retryAt: Date | null }
  /** A volume is full: the same stage again when there is space, and nothing is counted. `detail` says which. */
  | { kind: "no_space"; detail: string }
  /** Commits that the rows name are in no mirror any more: they are made anew, and nothing is counted. */
  | ({ kind: "work_lost" } & LostWork)
  /** A row that the stage needs cannot be read: the same stage once it can, and nothing is counted. */
  | { kind: "unreadable"; detail: string }
  /** The stage could not do its work (disk, git, network): again later, a few times. */
  | { kind: "broken"; detail: string };

export type LostWork = {
  detail: string;
  /** The task branch's head, when that was lost, and the commit that it goes back to. */
  head: { lost: string; to: string } | null;
  /** The completed subtasks whose work is not in the commit that the head goes back to. */
  subtaskIds: string[];
};

/** Works on one claim and returns what came of it. Rejects for infrastructure and bugs alone. */
export type Stage = (claim: Claim, signal: AbortSignal) => Promise<Outcome>;
