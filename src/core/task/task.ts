import { z } from "zod";
import { type Budget, budgetSchema } from "../budget/budget.ts";
import type { AttemptConfinement } from "../proof/confinement.ts";
import { type ProofLevel, proofLevels } from "../proof/proof.ts";
import type { Check, CheckRun, Verdict } from "../proof/verdict.ts";
import { type Assurance, assurances } from "../review/review.ts";
import { agentNameHelp, parseAgentName } from "../settings/agent-name.ts";
import type { Service } from "../settings/service.ts";
import type { WantedTools } from "../settings/wanted-tool.ts";
import { allowedPathSchema } from "../text/path-glob.ts";
import type { Decision, EndReason, FailureKind, Fallback } from "./failure.ts";
import type { Hold } from "./hold.ts";
import type { SubtaskState, TaskState } from "./lifecycle.ts";
import { type FollowUp, type SubtaskKind, subtaskSpecSchema } from "./plan.ts";
import type { SignsOfLife } from "./signs-of-life.ts";

export const maxGoalLength = 64_000;

const agentSchema = z.string().refine((text) => parseAgentName(text) !== null, {
  error: `is no known agent; ${agentNameHelp}`,
});

export const planModes = ["auto", "direct", "plan"] as const;
export type PlanMode = (typeof planModes)[number];
/** `ask`: a person is asked for help, and the work waits. `fail`: the task fails. */
export const stuckAnswers = ["ask", "fail"] as const;
export type WhenStuck = (typeof stuckAnswers)[number];

export const planApprovals = ["none", "plan"] as const;
export type PlanApproval = (typeof planApprovals)[number];

/** The body of POST /v1/tasks, in wire names. */
export const taskInputSchema = z.strictObject({
  goal: z
    .string()
    .max(maxGoalLength, {
      error: `must be at most ${maxGoalLength} characters; put long material into attachments`,
    })
    .refine((text) => text.trim() !== "", { error: "must not be empty" }),
  /** An absolute path, or a file://, https:// or ssh URL. */
  repository: z.string().min(1).max(4096),
  /** Branch, tag or commit. Default: the repository's HEAD. */
  base: z.string().min(1).max(255).optional(),
  agent: agentSchema.optional(),
  /** Acceptance checks: shell commands that must be green. */
  checks: z.array(z.string().min(1).max(10_000)).max(50).optional(),
  plan: z.strictObject({ subtasks: z.array(subtaskSpecSchema).min(1).max(200) }).optional(),
  /** The text of a plan file instead of `plan`; errors then name its lines. */
  plan_yaml: z.string().max(1_000_000).optional(),
  attachments: z
    .array(z.strictObject({ name: z.string().min(1).max(255), content: z.string().max(1_000_000) }))
    .max(20)
    .optional(),
  deliver: z.enum(["branch", "pr"]).optional(),
  /**
   * Whether a planner splits it up first. Default `auto`: only if the goal looks worth splitting.
   */
  mode: z.enum(planModes).optional(),
  /** `plan`: nothing runs until a person has approved the plan. */
  approval: z.enum(planApprovals).optional(),
  /** The caller expects the tests themselves to change: test edits become notes, not failures. */
  allow_test_changes: z.boolean().optional(),
  /** The checkout's uncommitted changes come along, as a commit on its HEAD. */
  include_uncommitted: z.boolean().optional(),
  /** Setup and baseline run anew, with nothing of what earlier ones made. */
  fresh: z.boolean().optional(),
  /** Judge files that may change all the same: paths and globs, from the repository's root. */
  allow: z.array(allowedPathSchema).max(100).optional(),
  /**
   * Effort spent on finding what a green check means. Default: the repository's configuration, then
   * the daemon's.
   */
  proof: z.enum(proofLevels).optional(),
  /**
   * Who reviews the change after green checks: nobody, one reviewer, three. Default: the
   * configuration.
   */
  assurance: z.enum(assurances).optional(),
  /** Minutes that one attempt may take. */
  timeout_minutes: z
    .number()
    .positive()
    .max(24 * 60)
    .optional(),
  /** Total spending limit. Default: the daemon's configuration. */
  budget: budgetSchema.optional(),
  /** What happens to work that recovery cannot finish by itself. Default: the configuration. */
  when_stuck: z.enum(stuckAnswers).optional(),
});
export type TaskInput = z.infer<typeof taskInputSchema>;

/** What a person changes of a task that is tried again. */
export const retryInputSchema = taskInputSchema
  .pick({ agent: true, checks: true, timeout_minutes: true })
  .extend({ model: z.string().min(1).max(200).optional() })
  .strict();
export type RetryInput = z.infer<typeof retryInputSchema>;

/** Who asks for tasks; from `github` on an event that fits a rule of triggers.yaml. */
export const taskSources = [
  ...(["http", "cli", "demo"] as const),
  ...(["github", "gitea", "gitlab", "schedule", "inbox", "hook", "tasks", "watch"] as const),
] as const;

/** Who asked. Outside text stays in `outsideText` and reaches an agent only inside a data block. */
export type TaskOrigin = {
  source: (typeof taskSources)[number];
  /** One active task per subject, e.g. `github:acme/app#12`. Null: no limit. */
  subject: string | null;
  outsideText: string | null;
  /** Who wrote the outside text, if it is one person; absent in rows of earlier versions. */
  author?: string | null;
  /** Where a result delivered as a comment goes: `acme/app#12`; see core/forge/place.ts. */
  replyTo: string | null;
  /** Whether the change closes `replyTo`, an issue; absent in rows of earlier versions: no. */
  closes?: boolean;
  /** For a review: the commit of the target branch; null: the repository's HEAD. */
  reviewedAgainst: string | null;
  /** Whether a comment on `replyTo` tells how the work goes; absent: none does. */
  tells?: boolean;
  /** The label that it was started for; null or absent: none. */
  label?: string | null;
  /** How many tasks of a Deputy led to it, one by the other; absent: none. */
  depth?: number;
  /** The commit of the checkout's files that it starts from: those that a watch saw; absent: none. */
  snapshot?: string;
};

/**
 * `auto`: the caller did not say; the repository's configuration decides when the task is planned.
 */
export type DeliveryMode = "auto" | "branch" | "pr" | "comment";

export type Task = {
  id: string;
  state: TaskState;
  hold: Hold | null;
  epoch: number;
  goal: string;
  repository: string;
  base: string | null;
  agent: string;
  /** The caller chose the agent: nobody else takes over, unless that is configured. */
  agentNamed: boolean;
  checks: string[];
  planInput: { subtasks: SubtaskSpecInput[] } | null;
  mode: PlanMode;
  approval: PlanApproval;
  attachments: { name: string; content: string }[];
  delivery: DeliveryMode;
  /** False for a review: it reads, and delivers words. */
  expectsChange: boolean;
  allowTestChanges: boolean;
  /** The base is the checkout's HEAD with what is not committed there. */
  includeUncommitted: boolean;
  /** Neither a kept setup nor a kept baseline is used. */
  fresh: boolean;
  /** Globs of judge files that may change. */
  allow: string[];
  /** Null: the caller did not say; see resolveProof. */
  proof: ProofLevel | null;
  /** Null: the caller did not say; see resolveAssurance. */
  assurance: Assurance | null;
  whenStuck: WhenStuck;
  attemptTimeoutMs: number;
  /** The current budget, including what a person granted since. Null: no limit. */
  budget: Budget | null;
  origin: TaskOrigin;
  /** Set by the plan stage. */
  preparation: Preparation | null;
  /** Head of the task branch in the mirror: starts at the base commit, moves with each integration. */
  headCommit: string | null;
  /** `deputy/<its title>` in the user's repository; set when delivered. */
  branch: string | null;
  deliveredCommit: string | null;
  deliveryUrl: string | null;
  /** One sentence: why it failed or was cancelled. */
  endDetail: string | null;
  cancelRequestedAt: Date | null;
  /** A person paused it; nothing of it starts until it is resumed. */
  pausedAt: Date | null;
  acceptedAt: Date | null;
  /** When a person had it undone: merged work by a revert, a pull request by closing it. */
  rolledBackAt: Date | null;
  discardedAt: Date | null;
  /** When logs, events and snapshots were removed; null: never. */
  prunedAt: Date | null;
  /** How often a merge was taken back because the whole was red with it. */
  takenBack: number;
  /** The checks of the parts on the whole, before it was delivered; null: none was left to run. */
  gateVerdict: Verdict | null;
  stageFailures: number;
  /** How often one of its stages waited for a provider limit. */
  postponed: number;
  createdAt: Date;
  updatedAt: Date;
  endedAt: Date | null;
};

/**
 * What a person has decided on delivered work: `open` until they have; null where there is nothing to
 * decide. Merged work stays accepted when its branch is deleted.
 */
export const decisions = ["open", "accepted", "rolled_back", "discarded"] as const;
export type TaskDecision = (typeof decisions)[number];

export function decisionOf(
  task: Pick<Task, "acceptedAt" | "branch" | "discardedAt" | "rolledBackAt" | "state">,
): TaskDecision | null {
  if (task.rolledBackAt) return "rolled_back";
  if (task.acceptedAt) return "accepted";
  if (task.discardedAt) return "discarded";
  return task.state === "completed" && task.branch !== null ? "open" : null;
}

/** It was to change something, and ended well without: what was asked for was there already. */
export function hadNothingToDo({
  branch,
  expectsChange,
  state,
}: Pick<Task, "branch" | "expectsChange" | "state">): boolean {
  return state === "completed" && expectsChange && branch === null;
}

/** A task as a list shows it: without fields that may be megabytes each. */
export type ListedTask = Omit<Task, "attachments" | "planInput" | "gateVerdict">;

/** Fixed before any agent runs, from the base commit and the caller. */
export type Preparation = {
  baseCommit: string;
  baseRef: string;
  mirror: string;
  setup: string[];
  /** What its checks need beside them; absent in rows of earlier versions. */
  services?: Service[];
  /** Tools in the versions that the base commit's files ask for; absent in rows of earlier versions. */
  tools?: WantedTools;
  /** Package hosts named in the base commit's own files; absent in rows of earlier versions. */
  registries?: string[];
  /** Repository-wide checks, including the task's acceptance checks. */
  checks: Check[];
  checksSource: "config" | "detected" | "none";
  /** The repository's configuration; null: it does not say. */
  delivery: "branch" | "pr" | null;
  protectedPaths: string[];
  /** The folders that worktrees hold; empty: everything. Absent in rows of earlier versions. */
  sparse?: string[];
  /** The repository's configuration; absent in rows of earlier versions. */
  proof?: ProofLevel | null;
  /** For a review: where the reviewed commit forked from its target branch. */
  forkCommit: string | null;
  /**
   * How worktrees differ from an ordinary checkout, and how setup and checks were chosen, in
   * sentences; absent in rows of earlier versions.
   */
  notes?: string[];
  /** How finished work was last brought up to date with its base; absent: it never was. */
  update?: BaseUpdate;
};

/** The base as it is now, merged into finished work. */
export type BaseUpdate = {
  /** The base commit before. */
  from: string;
  /** The two commits that were merged: the work, and the base. A conflict is marked with their ids. */
  work: string;
  base: string;
  /** The head of the task branch with both. */
  head: string;
  /** The files where they conflict, which hold both sides in `head`. */
  conflicts: string[];
};

export type SubtaskSpecInput = z.infer<typeof subtaskSpecSchema>;

export type Subtask = {
  id: string;
  taskId: string;
  /** Its id in the plan, unique in the task. */
  key: string;
  position: number;
  title: string;
  brief: string;
  dependsOn: string[];
  writes: string[];
  agent: string;
  /** `plan` and `replan`: no agent works on it; when its turn comes a planner replaces it by subtasks. */
  kind: SubtaskKind;
  /** The subtask of the first plan that it descends from by plans made anew; null: it is one. */
  lineage: string | null;
  /** How many plans made anew led to it: 0 if none did. */
  replans: number;
  /** How many chained agent requests led to it: 0 if it was planned. */
  depth: number;
  /** Acceptance checks of this subtask alone. */
  checks: Check[];
  state: SubtaskState;
  hold: Hold | null;
  epoch: number;
  /** The task branch's head when it became ready: where every attempt starts. */
  baseCommit: string | null;
  /** The last attempt's commit. */
  commit: string | null;
  integratedCommit: string | null;
  verdict: Verdict | null;
  gateVerdict: Verdict | null;
  /** For the next attempt: the last failure in words and output, or a person's answer. */
  feedback: string | null;
  /** Answers given so far, oldest first. */
  answers: { question: string; answer: string }[];
  /** Judge changes that a person accepted: these bytes of these files. */
  acceptedJudges: AcceptedJudge[];
  /** Files that a person wants left out of the delivery: verification sees them as on the base. */
  withoutPaths: LeftOut[];
  ending: Ending | null;
  /** Why it failed, in one sentence; null while it has not. */
  endDetail: string | null;
  /** Who works in place of its agent since recovery moved on to somebody else; null: its agent. */
  fallback: Fallback | null;
  /** The session that the next attempt continues; null: it starts afresh. */
  sessionId: string | null;
  /** Attempts with a lower number precede a person's `retry` and no longer count. */
  firstCountedAttempt: number;
  stageFailures: number;
  /** How often one of its stages waited for a provider limit. */
  postponed: number;
  createdAt: Date;
  updatedAt: Date;
};

/** The agent of a subtask's attempts from now on. */
export function workerOf({ agent, fallback }: Pick<Subtask, "agent" | "fallback">): string {
  return fallback?.agent ?? agent;
}

/** `content` is git's blob id; null: the file is deleted. */
export type AcceptedJudge = { path: string; content: string | null; evidence: string };

/** `content` is the change's version, which a person saw and rejected. */
export type LeftOut = Pick<AcceptedJudge, "path" | "content">;

/** How a subtask last failed or stopped, unclassified; recovery classifies it. */
export type Ending =
  | {
      what: "attempt";
      reason: EndReason;
      failure: FailureKind | null;
      detail: string;
      question: string | null;
      /** Absent: none. */
      choices?: string[];
      /** When the provider limit ends; null: unknown. */
      retryAt: string | null;
    }
  | { what: "verdict"; stage: "verify" | "integrate" }
  | { what: "conflict"; files: string[]; detail: string }
  | { what: "broken"; stage: string; detail: string }
  /** The review needs a call that the budget has no room for. */
  | { what: "unaffordable"; stage: "verify"; detail: string };

export type Attempt = {
  id: string;
  taskId: string;
  subtaskId: string;
  number: number;
  epoch: number;
  processId: string;
  agent: string;
  baseCommit: string;
  startedAt: Date;
  endedAt: Date | null;
  endReason: EndReason | null;
  /** Set by the agent adapter when it knows better than recovery could tell from outside. */
  failure: FailureKind | null;
  detail: string | null;
  outputTail: string | null;
  commit: string | null;
  snapshotRef: string | null;
  summary: string | null;
  question: string | null;
  discoveries: string[];
  /** Further work that it asked for. */
  followUps: FollowUp[];
  verdict: Verdict | null;
  gateVerdict: Verdict | null;
  decision: Decision | null;
  logPath: string | null;
  /** Null: it never ran anything, or ended before this was recorded. */
  confinement: AttemptConfinement | null;
  /** Its session; null: nothing that could be continued. */
  sessionId: string | null;
  /** Null: it ran for less than half a minute, or was not watched. */
  signs: SignsOfLife | null;
  /** That it was done, in its executor's words, until that is applied; null: nothing to apply. */
  report: DoneReport | null;
};

/** How an attempt that was done ended. */
export type DoneReport = Pick<Attempt, "summary" | "discoveries" | "followUps" | "confinement"> & {
  detail: string;
  outputTail: string;
  commit: string;
  snapshotRef: string;
};

export type Baseline = {
  commit: string;
  runs: Record<string, CheckRun>;
  setupOk: boolean;
  setupDetail: string;
};
