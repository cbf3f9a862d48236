import { z } from "zod";
import { roles } from "../../core/budget/usage.ts";
import { proofLevels } from "../../core/proof/proof.ts";
import { judgeKinds } from "../../core/proof/verdict.ts";
import { assurances } from "../../core/review/review.ts";
import { eventTypes } from "../../core/task/event.ts";
import { endReasons, failureKinds, rungs } from "../../core/task/failure.ts";
import { subtaskStates, taskStates } from "../../core/task/lifecycle.ts";
import { voices } from "../../core/task/message.ts";
import { subtaskKinds } from "../../core/task/plan.ts";
import { questionKinds } from "../../core/task/question.ts";
import { planApprovals, planModes, stuckAnswers, taskSources } from "../../core/task/task.ts";

/**
 * Schemas of the columns that the program relies on: shapes of JSON columns, words of closed lists,
 * valid times, numbers in range. Objects may have more keys, so that rows of other versions pass.
 */
const word = z.string();
const maybe = word.nullable();
const words = z.array(word);
const at = z.date();
const maybeAt = at.nullable();
const maybeIso = z.iso.datetime().nullable();
/** Leaves room in the column for one increment. */
const count = z
  .int()
  .nonnegative()
  .max(2 ** 31 - 2);
/** A bigint or numeric arrives as text. */
const amount = z
  .union([z.string(), z.number()])
  .refine((value) => Number.isFinite(Number(value)) && Number(value) >= 0, {
    error: "is no number from 0 on",
  });
const object = z.looseObject;

const check = object({
  name: word,
  command: word,
  kind: z.enum(["acceptance", "regression"]),
  source: z.enum(["caller", "plan", "config", "detected"]),
  timeoutMs: z.number().positive(),
  report: maybe,
  always: z.boolean().optional(),
});
const checkRun = object({
  commit: word,
  startedAt: word,
  durationMs: z.number(),
  exitCode: z.number().nullable(),
  status: z.enum(["green", "red", "inconclusive"]),
  detail: word,
  outputTail: word,
  logPath: maybe,
  tests: object({ tests: z.record(z.string(), z.string()) }).nullable(),
  services: z.array(object({ name: word, readyMs: z.number() })).optional(),
  failedService: word.optional(),
});
const refused = object({ what: word, detail: word });
const review = object({
  assurance: z.enum(assurances),
  round: z.number(),
  reviewers: z.array(object({ seat: z.number(), agent: word, result: word, detail: word })),
  findings: z.array(
    object({
      id: word,
      priority: z.number(),
      file: word,
      claim: word,
      evidence: object({ kind: word }),
      proof: object({ holds: word, detail: word }),
      seats: z.array(z.number()),
      state: object({ is: word }),
    }),
  ),
  notDone: words,
});
const followUps = z.array(object({ title: word, brief: word, writes: words }));
const confinement = object({ provider: word, problem: maybe, denials: z.array(refused) });
const result = z.enum(["pass", "fail", "inconclusive"]);
const verdict = object({
  result,
  summary: word,
  checks: z.array(
    object({
      check,
      run: checkRun,
      rerun: checkRun.nullable(),
      baseline: checkRun.nullable(),
      result,
      reason: word,
      newlyFailing: words,
      newlyPassing: words,
    }),
  ),
  findings: z.array(object({ rule: word, blocking: z.boolean(), message: word, paths: words })),
  notChecked: words,
  review: review.optional(),
  judges: z
    .array(
      object({
        path: word,
        status: word,
        kind: z.enum(judgeKinds),
        why: word,
        content: maybe,
        weaker: maybe,
        accepted: object({ by: word, evidence: word }).nullable(),
      }),
    )
    .optional(),
  experiments: z
    .array(
      object({
        ...{ kind: word, check: word, command: word, tree: word, result: word, says: word },
        durationMs: z.number(),
      }),
    )
    .optional(),
  causes: z
    .array(object({ check: word, paths: words, smallest: z.boolean(), bySource: z.boolean() }))
    .optional(),
  refused: z.array(refused).optional(),
});
const preparation = object({
  baseCommit: word,
  baseRef: word,
  mirror: word,
  setup: words,
  services: z
    .array(
      object({
        ...{ name: word, run: word, ports: words, stop: maybe },
        ready: z.union([word, z.number()]).nullable(),
        startTimeoutMs: z.number().positive(),
      }),
    )
    .optional(),
  tools: object({
    versions: z.array(object({ name: word, version: word, by: word })),
    usesMise: z.boolean(),
  }).optional(),
  registries: words.optional(),
  checks: z.array(check),
  checksSource: z.enum(["config", "detected", "none"]),
  delivery: z.enum(["branch", "pr"]).nullable(),
  protectedPaths: words,
  forkCommit: maybe,
  update: object({ from: word, work: word, base: word, head: word, conflicts: words }).optional(),
});
const budget = object({
  usd: z.number().optional(),
  tokens: z.number().optional(),
  turns: z.number().optional(),
  minutes: z.number().optional(),
});
const ending = z.discriminatedUnion("what", [
  object({
    what: z.literal("attempt"),
    reason: z.enum(endReasons),
    failure: z.enum(failureKinds).nullable(),
    detail: word,
    question: maybe,
    choices: words.optional(),
  }),
  object({ what: z.literal("verdict"), stage: z.enum(["verify", "integrate"]) }),
  object({ what: z.literal("conflict"), files: words, detail: word }),
  object({ what: z.literal("broken"), stage: word, detail: word }),
  object({ what: z.literal("unaffordable"), stage: word, detail: word }),
]);
const planned = object({
  key: word,
  title: word,
  brief: word,
  dependsOn: words,
  writes: words,
  agent: word,
  checks: words,
  kind: z.enum(["work", "plan"]),
});
const plan = object({
  mode: word,
  why: word,
  planner: object({ agent: word, reason: word, models: words }).nullable(),
  subtasks: z.array(planned),
});
const fallback = object({ agent: word, model: maybe });
const decision = object({
  action: z.enum(["retry", "ask", "give_up"]),
  rung: z.enum(rungs).optional(),
  kind: z.enum(failureKinds),
  signature: word,
  reason: word,
  fallback: fallback.optional(),
  choices: words.optional(),
});
const hold = {
  holdKind: z.enum(["lease", "wake", "question", "dependency"]).nullable(),
  holdAt: maybeAt,
  holdOn: words.nullable(),
  holdSince: at,
};

export const rowSchemas = {
  tasks: {
    ...hold,
    state: z.enum(taskStates),
    epoch: count,
    checks: words,
    mode: z.enum(planModes),
    approval: z.enum(planApprovals),
    planInput: object({ subtasks: z.array(object({ id: word, title: word })) }).nullable(),
    attachments: z.array(object({ name: word, content: word })),
    delivery: z.enum(["auto", "branch", "pr", "comment"]),
    attemptTimeoutMs: amount.refine((value) => Number(value) >= 1, {
      error: "is no time from 1 ms on",
    }),
    budget: budget.nullable(),
    origin: object({
      source: z.enum(taskSources),
      subject: maybe,
      outsideText: maybe,
      replyTo: maybe,
      reviewedAgainst: maybe.optional(),
    }),
    preparation: preparation.nullable(),
    cancelRequestedAt: maybeAt,
    pausedAt: maybeAt,
    assurance: z.enum(assurances).nullable(),
    whenStuck: z.enum(stuckAnswers),
    allow: words,
    proof: z.enum(proofLevels).nullable(),
    acceptedAt: maybeAt,
    rolledBackAt: maybeAt,
    discardedAt: maybeAt,
    prunedAt: maybeAt,
    takenBack: count,
    gateVerdict: verdict.nullable(),
    stageFailures: count,
    postponed: count,
    createdAt: at,
    updatedAt: at,
    endedAt: maybeAt,
  },
  subtasks: {
    ...hold,
    state: z.enum(subtaskStates),
    epoch: count,
    dependsOn: words,
    writes: words,
    kind: z.enum(subtaskKinds),
    depth: count,
    lineage: maybe,
    replans: count,
    checks: z.array(check),
    verdict: verdict.nullable(),
    gateVerdict: verdict.nullable(),
    answers: z.array(object({ question: word, answer: word })),
    acceptedJudges: z.array(object({ path: word, content: maybe, evidence: word })),
    withoutPaths: z.array(object({ path: word, content: maybe })),
    ending: ending.nullable(),
    fallback: fallback.nullable(),
    firstCountedAttempt: count,
    stageFailures: count,
    postponed: count,
    createdAt: at,
    updatedAt: at,
  },
  attempts: {
    number: count,
    epoch: count,
    startedAt: at,
    endedAt: maybeAt,
    endReason: z.enum(endReasons).nullable(),
    failure: z.enum(failureKinds).nullable(),
    discoveries: words,
    followUps,
    verdict: verdict.nullable(),
    gateVerdict: verdict.nullable(),
    decision: decision.nullable(),
    confinement: confinement.nullable(),
    report: object({
      ...{ detail: word, outputTail: word, commit: word, snapshotRef: word, summary: maybe },
      ...{ discoveries: words, followUps, confinement: confinement.nullable() },
    }).nullable(),
    signs: object({
      output: maybeIso,
      processor: maybeIso,
      bytes: maybeIso,
      files: maybeIso,
    }).nullable(),
  },
  events: { type: z.enum(eventTypes), data: object({}), at },
  questions: { kind: z.enum(questionKinds), choices: words, askedAt: at, answeredAt: maybeAt },
  plans: {
    state: z.enum(["proposed", "accepted", "rejected", "revision"]),
    plan: plan.nullable(),
    diff: words,
    refused: words,
    createdAt: at,
  },
  usage: {
    role: z.enum(roles),
    calls: amount,
    callsWithoutTokens: amount,
    unpricedCalls: amount,
    inputTokens: amount,
    cachedInputTokens: amount,
    outputTokens: amount,
    reasoningTokens: amount,
    latencyMs: amount,
    costUsd: amount,
    firstAt: at,
  },
  spending: {
    calls: amount,
    unpricedCalls: amount,
    tokens: amount,
    costUsd: amount,
    agentMs: amount,
  },
  worktrees: {
    state: z.enum(["active", "removed"]),
    createdAt: at,
    lastUsedAt: at,
    removedAt: maybeAt,
  },
  messages: { voice: z.enum(voices), sentAt: at, deliveredAt: maybeAt },
  sessions: { entryCount: count, checkpointAt: maybeAt, createdAt: at },
  baselines: {
    data: object({
      commit: word,
      runs: z.record(z.string(), checkRun),
      setupOk: z.boolean(),
      setupDetail: word,
    }),
  },
  inbox: { payload: object({}), receivedAt: at },
  notifications: { payload: object({}), priority: z.number(), attempts: count },
} as const satisfies Record<string, Record<string, z.ZodType>>;
