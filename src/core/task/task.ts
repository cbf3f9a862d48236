import { z } from "zod";
import { type Budget, budgetSchema } from "../budget/budget.ts";
import type { AttemptConfinement } from "../proof/confinement.ts";
import { type ProofLevel, proofLevels } from "../proof/proof.ts";
import type { Check, CheckRun, Verdict } from "../proof/verdict.ts";
import { type Assurance, assurances } from "../review/review.ts";
import { agentNameHelp, parseAgentName } from "../settings/agent-name.ts";
import { allowedPathSchema } from "../text/path-glob.ts";
import type { Decision, EndReason, FailureKind } from "./failure.ts";
import type { Hold } from "./hold.ts";
import type { SubtaskState, TaskState } from "./lifecycle.ts";
import { type FollowUp, type SubtaskKind, subtaskSpecSchema } from "./plan.ts";

export const maxGoalLength = 64_000;

const agentSchema = z.string().refine((text) => parseAgentName(text) !== null, {
  error: `is no known agent; ${agentNameHelp}`,
});

export const planModes = ["auto", "direct", "plan"] as const;
export type PlanMode = (typeof planModes)[number];
export const planApprovals = ["none", "plan"] as const;
export type PlanApproval = (typeof planApprovals)[number];

/** What a caller sends: the body of POST /v1/tasks, in wire names. */
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
  /** Whether a planner splits it up first. Default `auto`: only where the goal looks as if it paid. */
  mode: z.enum(planModes).optional(),
  /** `plan`: nothing runs before a person has approved the plan. */
  approval: z.enum(planApprovals).optional(),
  /** The caller expects the tests themselves to change: test edits become notes, not failures. */
  allow_test_changes: z.boolean().optional(),
  /** Files that judge the work and may change all the same: paths and globs, from the repository's root. */
  allow: z.array(allowedPathSchema).max(100).optional(),
  /** How much is tried out to find what a green check means. Default: the repository's, then the configuration. */
  proof: z.enum(proofLevels).optional(),
  /** Who reads the change after green checks: nobody, one reviewer, three. Default: the configuration. */
  assurance: z.enum(assurances).optional(),
  /** Minutes that one attempt may take. */
  timeout_minutes: z
    .number()
    .positive()
    .max(24 * 60)
    .optional(),
  /** What all of it together may spend. Default: the daemon's configuration. */
  budget: budgetSchema.optional(),
});
export type TaskInput = z.infer<typeof taskInputSchema>;

/** Who asked. Outside text stays in `outsideText` and reaches an agent only inside a data block. */
export type TaskOrigin = {
  source: "http" | "cli" | "github" | "demo";
  /** One active task per subject, e.g. `github:acme/app#12`. Null: no limit. */
  subject: string | null;
  outsideText: string | null;
  /** Who wrote it, where that is one person; left out in rows of earlier versions. */
  author?: string | null;
  /** Where the result goes when it is a comment: `acme/app#12`. */
  replyTo: string | null;
  /** For a review: the commit of the branch that the change is to go into; null: the repository's HEAD. */
  reviewedAgainst: string | null;
};

/** `auto`: the caller did not say; the repository's configuration decides when the task is planned. */
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
  checks: string[];
  planInput: { subtasks: SubtaskSpecInput[] } | null;
  mode: PlanMode;
  approval: PlanApproval;
  attachments: { name: string; content: string }[];
  delivery: DeliveryMode;
  /** False for a review: it reads, and delivers words. */
  expectsChange: boolean;
  allowTestChanges: boolean;
  /** Globs of files that may change although they judge the work. */
  allow: string[];
  /** Null: the caller did not say; see resolveProof. */
  proof: ProofLevel | null;
  /** Null: the caller did not say; see resolveAssurance. */
  assurance: Assurance | null;
  attemptTimeoutMs: number;
  /** As it stands: with what a person granted since. Null: no limit. */
  budget: Budget | null;
  origin: TaskOrigin;
  /** Set by the plan stage. */
  preparation: Preparation | null;
  /** Head of the task branch in the mirror: starts at the base commit, moves with each integration. */
  headCommit: string | null;
  /** `deputy/<slug>` in the user's repository; set when delivered. */
  branch: string | null;
  deliveredCommit: string | null;
  deliveryUrl: string | null;
  /** One sentence: why it failed or was cancelled. */
  endDetail: string | null;
  cancelRequestedAt: Date | null;
  /** A person stopped it for a while; nothing of it starts until it is resumed. */
  pausedAt: Date | null;
  acceptedAt: Date | null;
  discardedAt: Date | null;
  /** When logs, events and snapshots were removed; null: never. */
  prunedAt: Date | null;
  stageFailures: number;
  /** How often a stage of it waited for a limit of a provider to end. */
  postponed: number;
  createdAt: Date;
  updatedAt: Date;
  endedAt: Date | null;
};

/** A task as a list shows it: without what may be megabytes each. */
export type ListedTask = Omit<Task, "attachments" | "planInput">;

/** What is fixed before any agent runs, from the base commit and the caller. */
export type Preparation = {
  baseCommit: string;
  baseRef: string;
  mirror: string;
  setup: string[];
  /** Hosts that the base commit's own files get packages from; left out in rows of earlier versions. */
  registries?: string[];
  /** Repository-wide checks; the task's acceptance checks included. */
  checks: Check[];
  checksSource: "config" | "detected" | "none";
  /** What the repository's configuration asks for; null: it does not say. */
  delivery: "branch" | "pr" | null;
  protectedPaths: string[];
  /** What the repository's configuration asks for; left out in rows of earlier versions. */
  proof?: ProofLevel | null;
  /** For a review: where the reviewed commit left the branch that it is to go into. */
  forkCommit: string | null;
  /** What worktrees do not hold as a checkout would, in sentences; left out in rows of earlier versions. */
  notes?: string[];
};

/** What a question is about decides which answers it takes. */
export const questionKinds = [
  "question",
  "approval",
  "plan",
  "review",
  "judges",
  "pause",
  "budget",
  "permission",
] as const;
export type QuestionKind = (typeof questionKinds)[number];

export type SubtaskSpecInput = z.infer<typeof subtaskSpecSchema>;

export type Subtask = {
  id: string;
  taskId: string;
  /** The plan's id for it, unique in the task. */
  key: string;
  position: number;
  title: string;
  brief: string;
  dependsOn: string[];
  writes: string[];
  agent: string;
  /** `plan`: it is not worked on; when its turn comes a planner puts subtasks in its place. */
  kind: SubtaskKind;
  /** How many requests of agents led to it: 0 for what was planned. */
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
  /** What the next attempt is told: the last failure, in words and output; or a person's answer. */
  feedback: string | null;
  /** Answers given so far, oldest first. */
  answers: { question: string; answer: string }[];
  /** Changes to what judges the work that a person accepted: these bytes of these files. */
  acceptedJudges: AcceptedJudge[];
  /** Files that a person wants the work delivered without: what is verified has them as the base has. */
  withoutPaths: LeftOut[];
  ending: Ending | null;
  /** Why it failed, in one sentence; null while it has not. */
  endDetail: string | null;
  /** What the next attempt goes on with; null: it starts afresh. */
  sessionId: string | null;
  /** Attempts with a lower number were made before a person said `retry`, and count no more. */
  firstCountedAttempt: number;
  stageFailures: number;
  /** How often a stage of it waited for a limit of a provider to end. */
  postponed: number;
  createdAt: Date;
  updatedAt: Date;
};

/** `content` is git's id of what the file holds; null: it is deleted. */
export type AcceptedJudge = { path: string; content: string | null; evidence: string };

/** `content` is what the change has there, which a person saw and did not want. */
export type LeftOut = Pick<AcceptedJudge, "path" | "content">;

/** How a subtask last left the good path, as it happened; recovery classifies it. */
export type Ending =
  | {
      what: "attempt";
      reason: EndReason;
      failure: FailureKind | null;
      detail: string;
      question: string | null;
      /** When the provider lets go on; null: it did not say. */
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
  /** Set by the agent's side when it knows better than recovery could tell from outside. */
  failure: FailureKind | null;
  detail: string | null;
  outputTail: string | null;
  commit: string | null;
  snapshotRef: string | null;
  summary: string | null;
  question: string | null;
  discoveries: string[];
  /** Work that it asked for beside its own. */
  followUps: FollowUp[];
  verdict: Verdict | null;
  gateVerdict: Verdict | null;
  decision: Decision | null;
  logPath: string | null;
  /** Null: it never came to run anything, or ended before this was recorded. */
  confinement: AttemptConfinement | null;
  /** What it remembers; null: nothing that could be gone on with. */
  sessionId: string | null;
};

export type Baseline = {
  commit: string;
  runs: Record<string, CheckRun>;
  setupOk: boolean;
  setupDetail: string;
};
