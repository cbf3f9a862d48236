import type { z } from "zod";
import type { Usage } from "../../core/budget/usage.ts";
import type {
  Check,
  CheckResult,
  CheckRun,
  TestResults,
  Verdict,
} from "../../core/proof/verdict.ts";
import type { Decision } from "../../core/task/failure.ts";
import type { Attempt } from "../../core/task/task.ts";
import type {
  attemptWire,
  checkResultWire,
  checkRunWire,
  checkWire,
  decisionWire,
  usageWire,
  verdictWire,
} from "./schema-evidence.ts";

/** Evidence in wire names. Paths on the daemon's disk are left out. */
export function toCheckWire(check: Check): z.infer<typeof checkWire> {
  return {
    name: check.name,
    command: check.command,
    kind: check.kind,
    source: check.source,
    timeout_ms: check.timeoutMs,
    report: check.report,
  };
}

function toCheckRunWire(run: CheckRun): z.infer<typeof checkRunWire> {
  return {
    commit: run.commit,
    started_at: run.startedAt,
    duration_ms: run.durationMs,
    exit_code: run.exitCode,
    status: run.status,
    detail: run.detail,
    output_tail: run.outputTail,
    tests: run.tests && countTests(run.tests),
  };
}

function countTests({ format, tests }: TestResults) {
  const counts = { format, passed: 0, failed: 0, skipped: 0 };
  for (const state of Object.values(tests)) counts[state]++;
  return counts;
}

function toCheckResultWire(result: CheckResult): z.infer<typeof checkResultWire> {
  return {
    check: toCheckWire(result.check),
    run: toCheckRunWire(result.run),
    rerun: result.rerun && toCheckRunWire(result.rerun),
    baseline: result.baseline && toCheckRunWire(result.baseline),
    result: result.result,
    reason: result.reason,
    newly_failing: result.newlyFailing,
    newly_passing: result.newlyPassing,
  };
}

export function toVerdictWire(verdict: Verdict): z.infer<typeof verdictWire> {
  return {
    result: verdict.result,
    summary: verdict.summary,
    checks: verdict.checks.map(toCheckResultWire),
    findings: verdict.findings,
    not_checked: verdict.notChecked,
    judges: (verdict.judges ?? []).map(({ from = null, ...judge }) => ({ ...judge, from })),
    experiments: (verdict.experiments ?? []).map(({ durationMs, ...experiment }) => ({
      ...experiment,
      duration_ms: durationMs,
    })),
    causes: (verdict.causes ?? []).map(({ bySource, ...cause }) => ({
      ...cause,
      by_source: bySource,
    })),
  };
}

export function toUsageWire(usage: Usage): z.infer<typeof usageWire> {
  return {
    subtask_id: usage.subtaskId,
    attempt_id: usage.attemptId,
    role: usage.role,
    agent: usage.agent,
    model: usage.model,
    calls: usage.calls,
    calls_without_tokens: usage.callsWithoutTokens,
    input_tokens: usage.inputTokens,
    cached_input_tokens: usage.cachedInputTokens,
    output_tokens: usage.outputTokens,
    reasoning_tokens: usage.reasoningTokens,
    latency_ms: usage.latencyMs,
    cost_usd: usage.costUsd,
  };
}

function toDecisionWire(decision: Decision): z.infer<typeof decisionWire> {
  const { kind, signature, reason } = decision;
  switch (decision.action) {
    case "retry":
      return { action: "retry", kind, signature, reason, delay_ms: decision.delayMs };
    case "ask":
      return { action: "ask", kind, signature, reason, question: decision.question };
    case "give_up":
      return { action: "give_up", kind, signature, reason };
  }
}

export function toAttemptWire(attempt: Attempt): z.infer<typeof attemptWire> {
  return {
    id: attempt.id,
    subtask_id: attempt.subtaskId,
    number: attempt.number,
    agent: attempt.agent,
    base_commit: attempt.baseCommit,
    started_at: attempt.startedAt.toISOString(),
    ended_at: attempt.endedAt?.toISOString() ?? null,
    end_reason: attempt.endReason,
    detail: attempt.detail,
    commit: attempt.commit,
    snapshot_ref: attempt.snapshotRef,
    summary: attempt.summary,
    discoveries: attempt.discoveries,
    verdict: attempt.verdict && toVerdictWire(attempt.verdict),
    decision: attempt.decision && toDecisionWire(attempt.decision),
  };
}
