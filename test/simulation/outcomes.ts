import type { Check, CheckResult, CheckRun, Verdict } from "../../src/core/proof/verdict.ts";
import type { Review, ReviewFinding } from "../../src/core/review/review.ts";
import type { FailureKind } from "../../src/core/task/failure.ts";
import type { Outcome, StageName } from "../../src/core/task/outcome.ts";
import type { Plan, PlannedSubtask } from "../../src/core/task/plan.ts";
import { attempted, planned, verdict } from "../support/orchestrator.ts";

/**
 * What each stage may report, by name. `n` is a drawn number that chooses what is in it. Recovery's
 * outcome is not here: the real decision is made of the real rows.
 */
export type Report = (n: number) => Outcome;
export type Reported = Exclude<StageName, "recover">;

const files = ["src/a.ts", "src/b.ts", "docs/c.md"];
const pick = <Value>(values: readonly [Value, ...Value[]], n: number): Value =>
  values[n % values.length] ?? values[0];

/** Plans of all shapes; parts of kind `plan` only where a part may be planned further. */
const shapes: readonly [Partial<PlannedSubtask>[], ...Partial<PlannedSubtask>[][]] = [
  [{}],
  [{}, {}],
  [{}, { dependsOn: ["s0"] }],
  [{}, { dependsOn: ["s0"] }, { dependsOn: ["s0"] }, { dependsOn: ["s1", "s2"] }],
  [{ writes: ["src/**"] }, { writes: ["src/a.ts"] }, { writes: ["docs/**"] }],
  [{ writes: ["src/a.ts"] }, { writes: ["src/b.ts"], dependsOn: ["s0"] }, {}],
  [{}, {}, {}, { dependsOn: ["s0", "s1", "s2"] }],
];
const shapesWithPlans: typeof shapes = [
  [{}, { kind: "plan", dependsOn: ["s0"] }, { dependsOn: ["s1"] }],
  [{ kind: "plan" }, {}],
  ...shapes,
];
const planner: Plan["planner"] = {
  ...{ agent: "builtin", reason: "it is large", problem: null, durationMs: 1, models: [] },
  ...{ calls: 1, inputTokens: 1, outputTokens: 1, costUsd: 0 },
};

function makePlan(n: number): Outcome {
  const outcome = planned(pick(shapesWithPlans, n));
  if (outcome.kind !== "planned") throw new Error("it plans");
  const withPlanner = { ...outcome.plan, mode: "planned", planner } as const;
  return n % 3 === 0 ? outcome : { ...outcome, plan: withPlanner };
}

function makeSubplan(n: number): Outcome {
  const outcome = planned(pick(shapes, n));
  if (outcome.kind !== "planned") throw new Error("it plans");
  return { kind: "subplanned", plan: { ...outcome.plan, mode: "planned", planner } };
}

const run: CheckRun = {
  ...{ commit: "c", startedAt: "", durationMs: 1, exitCode: 1, status: "red", detail: "exit 1" },
  ...{ outputTail: "", logPath: null, tests: null },
};
const check: Check = {
  ...{ name: "test", command: "npm test", kind: "regression", source: "detected" },
  ...{ timeoutMs: 1, report: null },
};

/** Numbers do not tell failures apart. */
function letter(n: number): string {
  return String.fromCharCode(97 + (n % 26));
}

/** Red in one of some ways, so that the same failure comes again and others do, too. */
export function red(n: number): Verdict {
  const bad: CheckResult = {
    ...{ check, run, rerun: null, baseline: null, result: "fail", reason: "newly fails" },
    ...{ newlyFailing: [`test ${letter(n)}`], newlyPassing: [] },
  };
  return { ...verdict("fail"), checks: [bad] };
}

function killed(): Verdict {
  const cut: CheckRun = { ...run, status: "inconclusive", detail: "was killed by SIGKILL" };
  const unclear = { check, run: cut, rerun: null, baseline: null, result: "inconclusive" } as const;
  const result: CheckResult = { ...unclear, reason: "", newlyFailing: [], newlyPassing: [] };
  return { ...verdict("inconclusive"), checks: [result] };
}

function reviewed(n: number, isDone: boolean): Verdict {
  const finding: ReviewFinding = {
    ...{ id: "F1", priority: 1, file: pick(["a.ts", "b.ts"], n), lines: null, claim: "it breaks" },
    ...{ evidence: { kind: "quote", text: "x" }, seats: [1], raisedOn: 1, upheld: null },
    proof: { holds: "yes", detail: "is in a.ts", output: null, where: "file" },
    state: { is: "open" },
  };
  const review: Review = {
    ...{
      assurance: "standard",
      round: 1 + (n % 4),
      commit: "c",
      tree: "t",
      unchanged: n % 5 === 0,
    },
    ...{ reviewers: [], notDone: isDone ? [] : ["it could not be reached"] },
    findings: isDone ? [finding] : [],
  };
  return { ...verdict(isDone ? "fail" : "inconclusive"), review };
}

function judged(n: number): Verdict {
  const weaker = n % 2 === 0 ? "an assertion is gone" : null;
  return {
    ...verdict("fail"),
    judges: [
      {
        ...{ path: `test/${n % 3}.ts`, status: "modified", kind: "test", why: "it is run" },
        ...{ content: `blob${n % 3}`, weaker, accepted: null },
      },
    ],
  };
}

function forbidden(n: number): Verdict {
  const finding = {
    rule: "protected_path",
    blocking: true,
    message: `touched ${letter(n % 2)}`,
    paths: [],
  };
  return { ...verdict("fail"), findings: [finding as Verdict["findings"][number]] };
}

/** An hour from now, some time ago, or not known. */
function retryAt(n: number): Date | null {
  return pick([null, new Date(Date.now() + 3_600_000), new Date(Date.now() - 1_000)], n);
}

const fails = (failure: FailureKind, reason: "crashed" | "gave_up" = "gave_up"): Report => {
  return (n) => attempted({ reason, failure, detail: `${failure} ${letter(n % 3)}`, commit: null });
};

/** Any stage may end so, whatever it does. */
export const anywhere = {
  parked: () => ({ kind: "parked", detail: "shutting down", snapshotRef: null }),
  lost: () => ({ kind: "lost", detail: "nobody reported" }),
  broken: () => ({ kind: "broken", detail: "git could not be started" }),
  no_space: () => ({ kind: "no_space", detail: "/var is full" }),
  unreadable: () => ({ kind: "unreadable", detail: "a row cannot be read" }),
} as const satisfies Record<string, Report>;

export const outcomes = {
  plan: {
    planned: makePlan,
    asked: () => ({ kind: "asked", question: "Which of them?" }),
    refused: () => ({ kind: "refused", detail: "no such branch" }),
    unaffordable: () => ({ kind: "unaffordable", detail: "no room" }),
    postponed: (n) => ({ kind: "postponed", detail: "a usage limit", retryAt: retryAt(n) }),
  },
  execute: {
    done: () => attempted(),
    discoveries: (n) =>
      attempted({
        discoveries: n % 2 === 0 ? ["the parser is in b"] : [],
        followUps: [{ title: `More ${n % 5}`, brief: "", writes: [pick(["src/a.ts", "x"], n)] }],
      }),
    asks: () => attempted({ reason: "needs_input", question: "Which?", commit: null }),
    out_of_budget: (n) =>
      attempted({ reason: "out_of_budget", question: n % 3 === 0 ? null : "More?", commit: null }),
    timed_out: () => attempted({ reason: "timed_out", commit: null }),
    stalled: () => attempted({ reason: "stalled", commit: null }),
    cancelled: () => attempted({ reason: "cancelled", commit: null }),
    crashed: () => attempted({ reason: "crashed", detail: "it exited with 1", commit: null }),
    no_change: fails("no_change"),
    content_rejected: fails("content_rejected"),
    setup_failed: fails("setup_failed"),
    agent_unavailable: fails("agent_unavailable"),
    plan_refused: fails("plan_refused"),
    hung: fails("hung", "crashed"),
    killed: fails("killed", "crashed"),
    model_unavailable: fails("model_unavailable", "crashed"),
    permission: (n) =>
      attempted({ reason: "needs_input", failure: "permission", question: `May I? ${n % 2}` }),
    usage_limit: (n) =>
      attempted({ reason: "crashed", failure: "rate_limit_window", retryAt: retryAt(n) }),
  },
  verify: {
    pass: () => ({ kind: "verified", verdict: verdict("pass") }),
    pass_without: () => ({ kind: "verified", verdict: verdict("pass"), commit: "e".repeat(40) }),
    red: (n) => ({ kind: "verified", verdict: red(n) }),
    inconclusive: () => ({ kind: "verified", verdict: verdict("inconclusive") }),
    killed: () => ({ kind: "verified", verdict: killed() }),
    review_blocked: (n) => ({ kind: "verified", verdict: reviewed(n, true) }),
    review_not_done: (n) => ({ kind: "verified", verdict: reviewed(n, false) }),
    judges: (n) => ({ kind: "verified", verdict: judged(n) }),
    policy: (n) => ({ kind: "verified", verdict: forbidden(n) }),
    unaffordable: () => ({ kind: "unaffordable", detail: "no room for a reviewer" }),
    postponed: (n) => ({ kind: "postponed", detail: "a usage limit", retryAt: retryAt(n) }),
  },
  integrate: {
    integrated: () => ({ kind: "integrated", commit: "d".repeat(40), verdict: null }),
    integrated_merge: () => ({
      ...{ kind: "integrated", commit: "d".repeat(40), verdict: verdict("pass") },
    }),
    conflicted: (n) => ({
      ...{ kind: "conflicted", files: [files[n % 3] ?? ""], detail: "both changed it" },
    }),
    gate_failed: (n) => ({ kind: "gate_failed", verdict: red(n) }),
  },
  deliver: {
    delivered: () => ({
      ...{ kind: "delivered", branch: "deputy/x", commit: "d", url: null, detail: "deputy/x" },
    }),
    refused: () => ({ kind: "refused", detail: "no token" }),
  },
} as const satisfies Record<Reported, Record<string, Report>>;

/** What a part of kind `plan` reports in place of an attempt at work. */
export const subplanned: Report = makeSubplan;

/** What each stage reports where all is well; the first of its outcomes. */
export function well(stage: Reported, n: number): Outcome {
  const [first] = Object.values(outcomes[stage]) as Report[];
  if (!first) throw new Error(`${stage} reports nothing`);
  return first(n);
}
