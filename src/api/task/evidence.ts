import { z } from "zod";
import { roles } from "../../core/budget/usage.ts";
import { type CheckRun, findingRules, judgeKinds, type Verdict } from "../../core/proof/verdict.ts";
import { readRebuttals } from "../../core/review/rebuttals.ts";
import { assurances, type Review } from "../../core/review/review.ts";
import { describePlace, describeState } from "../../core/review/review-words.ts";
import { endReasons, failureKinds, rungs } from "../../core/task/failure.ts";
import type { Attempt } from "../../core/task/task.ts";
import { named } from "../registry.ts";
import { time } from "../to-wire.ts";

/**
 * The evidence: checks, verdicts, decisions, usage. Paths on the daemon's disk are left out. Test results are sent as counts,
 * because a suite may have ten thousand tests and a task shows each run three times; the names that
 * matter are in `newly_failing`, and the receipt has all of them.
 */
export const checkWire = named(
  "Check",
  z.object({
    name: z.string(),
    command: z.string(),
    kind: z.enum(["acceptance", "regression"]),
    source: z.enum(["caller", "plan", "config", "detected"]),
    timeout_ms: z.number(),
    report: z.string().nullable(),
  }),
  { description: "One command that the daemon runs to verify the work." },
);

const checkRunWire = named(
  "CheckRun",
  z.object({
    commit: z.string(),
    started_at: z.string(),
    duration_ms: z.number(),
    exit_code: z.number().nullable(),
    status: z.enum(["green", "red", "inconclusive"]),
    detail: z.string(),
    output_tail: z.string(),
    tests: z
      .object({
        format: z.string(),
        passed: z.number(),
        failed: z.number(),
        skipped: z.number(),
      })
      .nullable(),
  }),
);

const checkResultWire = named(
  "CheckResult",
  z.object({
    check: checkWire,
    run: checkRunWire,
    rerun: checkRunWire.nullable(),
    baseline: checkRunWire.nullable(),
    result: z.enum(["pass", "fail", "inconclusive"]),
    reason: z.string(),
    newly_failing: z.array(z.string()),
    newly_passing: z.array(z.string()),
  }),
);

const reviewWire = named(
  "Review",
  z.object({
    assurance: z.enum(assurances),
    round: z.number(),
    reviewers: z.array(
      z.object({
        agent: z.string(),
        model: z.string().nullable(),
        same_as_coder: z.boolean(),
        result: z.enum(["done", "not_done"]),
        detail: z.string(),
      }),
    ),
    findings: z.array(
      z.object({
        id: z.string(),
        /** 0: breaks what works. 1: is not what was asked. 2: should be better. 3: taste. */
        priority: z.number(),
        /** `file:line` or a range, or the file alone. */
        place: z.string(),
        claim: z.string(),
        evidence: z.object({ kind: z.enum(["command", "quote"]), text: z.string() }),
        /** What the daemon saw when it checked the evidence. */
        proof: z.object({
          holds: z.enum(["yes", "no", "unknown"]),
          detail: z.string(),
          output: z.string().nullable(),
        }),
        raised_on: z.number(),
        state: z.enum(["open", "note", "fixed", "rebutted", "overruled", "accepted"]),
        /** A clause: how it closed, or that it is open. */
        closed: z.string(),
        /** Why a doubt about it was rejected; null: there was none. */
        upheld: z.string().nullable(),
      }),
    ),
    not_done: z.array(z.string()),
  }),
  { description: "Who reviewed the change, what they found, and how each finding closed." },
);

export const verdictWire = named(
  "Verdict",
  z.object({
    result: z.enum(["pass", "fail", "inconclusive"]),
    summary: z.string(),
    checks: z.array(checkResultWire),
    findings: z.array(
      z.object({
        rule: z.enum(findingRules),
        blocking: z.boolean(),
        message: z.string(),
        paths: z.array(z.string()),
      }),
    ),
    not_checked: z.array(z.string()),
    /** Null: the checks did not get that far, or no review was required. */
    review: reviewWire.nullable(),
    /** Changed files that judge the change, and who accepted each; null: nobody. */
    judges: z.array(
      z.object({
        path: z.string(),
        from: z.string().nullable(),
        status: z.enum(["added", "modified", "deleted", "renamed"]),
        kind: z.enum(judgeKinds),
        why: z.string(),
        weaker: z.string().nullable(),
        content: z.string().nullable(),
        accepted: z
          .object({
            by: z.enum(["flag", "goal", "plan", "reviewer", "person"]),
            evidence: z.string(),
          })
          .nullable(),
      }),
    ),
    /** Experiments on what the checks mean, each with its command and tree. */
    experiments: z.array(
      z.object({
        kind: z.string(),
        check: z.string(),
        command: z.string(),
        tree: z.string(),
        result: z.enum(["shown", "refuted", "open"]),
        says: z.string(),
        duration_ms: z.number(),
      }),
    ),
    /** The cause that turned a red check green. */
    causes: z.array(
      z.object({
        check: z.string(),
        paths: z.array(z.string()),
        smallest: z.boolean(),
        by_source: z.boolean(),
      }),
    ),
  }),
  { description: "What the daemon found by running the checks itself." },
);

export const usageWire = named(
  "Usage",
  z.object({
    /** Null if it concerns the whole task. */
    subtask_id: z.string().nullable(),
    /** The attempt that made or judged the work; null for planning the whole task. */
    attempt_id: z.string().nullable(),
    role: z.enum(roles),
    agent: z.string(),
    model: z.string(),
    calls: z.number(),
    /** Calls without token counts from the server. */
    calls_without_tokens: z.number(),
    /** Includes the cached ones. */
    input_tokens: z.number(),
    cached_input_tokens: z.number(),
    /** Includes reasoning tokens. */
    output_tokens: z.number(),
    reasoning_tokens: z.number(),
    latency_ms: z.number(),
    /** Null: the price of a call is unknown. */
    cost_usd: z.number().nullable(),
  }),
  { description: "A model's usage in one attempt, or in a run without an attempt." },
);

const decisionBase = {
  /** What the next attempt is: a rung of the ladder. */
  rung: z.enum(rungs).nullable(),
  kind: z.enum(failureKinds),
  signature: z.string(),
  reason: z.string(),
};

const decisionWire = named(
  "Decision",
  z.union([
    z.object({
      action: z.literal("retry"),
      ...decisionBase,
      delay_ms: z.number(),
      /** Who takes over, with the rung `fallback`. */
      fallback: z.object({ agent: z.string(), model: z.string().nullable() }).nullable(),
    }),
    z.object({ action: z.literal("ask"), ...decisionBase, question: z.string() }),
    z.object({ action: z.literal("give_up"), ...decisionBase }),
  ]),
  { description: "What recovery decided after a failure, and why." },
);

export const attemptWire = named(
  "Attempt",
  z.object({
    id: z.string(),
    subtask_id: z.string(),
    number: z.number(),
    agent: z.string(),
    base_commit: z.string(),
    started_at: time,
    ended_at: time.nullable(),
    end_reason: z.enum(endReasons).nullable(),
    detail: z.string().nullable(),
    commit: z.string().nullable(),
    snapshot_ref: z.string().nullable(),
    summary: z.string().nullable(),
    discoveries: z.array(z.string()),
    /** Its answers to findings of reviewers that it considers wrong. */
    rebuttals: z.array(z.object({ finding: z.string(), why: z.string() })),
    verdict: verdictWire.nullable(),
    decision: decisionWire.nullable(),
  }),
  { description: "One execution of one subtask." },
);

/** The attempt as `attemptWire` describes it, in internal names. */
export function presentAttempt(attempt: Attempt) {
  const { decision } = attempt;
  return {
    ...attempt,
    verdict: presentVerdict(attempt.verdict),
    rebuttals: readRebuttals(attempt.summary),
    decision: decision && { fallback: null, ...decision },
  };
}

/** The verdict as `verdictWire` describes it, in internal names. */
export function presentVerdict(verdict: Verdict | null) {
  return (
    verdict && {
      ...verdict,
      checks: verdict.checks.map((result) => ({
        ...result,
        run: presentRun(result.run),
        rerun: result.rerun && presentRun(result.rerun),
        baseline: result.baseline && presentRun(result.baseline),
      })),
      judges: (verdict.judges ?? []).map(({ from = null, ...judge }) => ({ ...judge, from })),
      experiments: verdict.experiments ?? [],
      causes: verdict.causes ?? [],
      review: verdict.review ? presentReview(verdict.review) : null,
    }
  );
}

function presentReview(review: Review) {
  const findings = review.findings.map((finding) => {
    const { evidence } = finding;
    return {
      ...finding,
      place: describePlace(finding),
      evidence: {
        kind: evidence.kind,
        text: evidence.kind === "command" ? evidence.command : evidence.text,
      },
      state: finding.state.is,
      closed: describeState(finding),
    };
  });
  return { ...review, findings };
}

function presentRun(run: CheckRun) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const state of Object.values(run.tests?.tests ?? {})) counts[state]++;
  return { ...run, tests: run.tests && { format: run.tests.format, ...counts } };
}
