import type { Usage } from "../../core/budget/usage.ts";
import { mergeRefused } from "../../core/proof/confinement.ts";
import { describeProof, finalOf } from "../../core/proof/proof-words.ts";
import type { CheckResult, CheckRun, SetupAccount, Verdict } from "../../core/proof/verdict.ts";
import { followMessage, type Message } from "../../core/task/message.ts";
import type { PlanRecord } from "../../core/task/plan.ts";
import type { Attempt, Subtask, Task } from "../../core/task/task.ts";
import { describeCost } from "./receipt-cost.ts";
import { describeEvidence } from "./receipt-evidence.ts";
import { describePlan } from "./receipt-plan.ts";
import { describeRepeat } from "./receipt-proof.ts";
import { describeReviews } from "./receipt-review.ts";

/**
 * The receipt: what was asked, what was done, what was run to prove it, and what was not checked.
 * Pure: built from rows, so a failed task has one too. Wire names, because it is published.
 */
export type Receipt = ReturnType<typeof buildReceipt>;

export function buildReceipt(input: {
  task: Task;
  subtasks: readonly Subtask[];
  attempts: readonly Attempt[];
  usage: readonly Usage[];
  plans: readonly PlanRecord[];
  /** Comments and messages to agents, oldest first. */
  messages: readonly Message[];
  delivery: ReceiptDelivery | null;
}) {
  const { task, subtasks, attempts, plans, delivery } = input;
  const keyOf = new Map(subtasks.map(({ id, key }) => [id, key]));
  const finals = subtasks.flatMap((subtask) => finalOf(subtask) ?? []);
  const proof = describeProof(task, subtasks);
  const checks = [
    ...subtasks.flatMap((subtask) => [
      ...describeChecks(subtask.key, "attempt", subtask.verdict),
      ...describeChecks(subtask.key, "after_merge", subtask.gateVerdict),
    ]),
    ...describeChecks("all parts", "whole", task.gateVerdict),
  ];
  return {
    format: "deputy.receipt/1",
    task: {
      id: task.id,
      state: task.state === "delivering" ? "completed" : task.state,
      goal: task.goal,
      repository: task.repository,
      base: task.preparation
        ? {
            ref: task.preparation.baseRef,
            commit: task.preparation.baseCommit,
            /** The base before it was last brought up to date; null: it never was. */
            updated_from: task.preparation.update?.from ?? null,
          }
        : null,
      asked_by: task.origin.source,
      created_at: task.createdAt.toISOString(),
      ended_at: task.endedAt?.toISOString() ?? null,
      detail: task.endDetail,
      rolled_back_at: task.rolledBackAt?.toISOString() ?? null,
      accepted_at: task.acceptedAt?.toISOString() ?? null,
      discarded_at: task.discardedAt?.toISOString() ?? null,
      /** Set once the retention time is over: the log paths below are gone then. */
      logs_removed_at: task.prunedAt?.toISOString() ?? null,
    },
    /**
     * True under the first two of the three headlines; `verdict` says what was shown or is missing.
     */
    verified: proof.verified,
    headline: proof.headline,
    verdict: `${proof.detail}${describeUpdate(task)}`,
    /** A review task's text; null for a task that changes something. */
    review: task.expectsChange ? null : summaryOf(attempts),
    delivery: delivery
      ? {
          branch: delivery.branch,
          commit: delivery.commit,
          /** Newest first. */
          commits: delivery.commits,
          signed: delivery.signed,
          url: delivery.url,
          patch: delivery.patch,
          files: delivery.files,
          /** Links that the change adds and that lead outside the repository, as `path → target`. */
          outside_links: delivery.outsideLinks,
          /** What the repository's commit-msg hook says of the messages; null: nothing. */
          note: delivery.note,
        }
      : null,
    plan: describePlan(task, subtasks, plans),
    checks,
    /** How the worktrees of the checks were set up. */
    setup: subtasks.flatMap(({ gateVerdict, key, verdict }) => {
      const account = finalOf({ verdict, gateVerdict })?.setup;
      return account ? [{ subtask: key, ...describeSetup(account) }] : [];
    }),
    /** Parts whose checks did not run again, because an earlier attempt had the same tree. */
    same_trees: subtasks.flatMap(({ gateVerdict, key, verdict }) => {
      const same = finalOf({ verdict, gateVerdict })?.sameTree;
      return same ? [{ subtask: key, attempt: same.attempt, judged_at: same.judgedAt }] : [];
    }),
    ...describeEvidence(subtasks),
    reviews: describeReviews(subtasks, attempts),
    findings: subtasks.flatMap(
      ({ key, verdict, gateVerdict }) =>
        finalOf({ verdict, gateVerdict })?.findings.map((finding) => ({
          subtask: key,
          ...finding,
        })) ?? [],
    ),
    messages: input.messages.map((message) => ({
      subtask: keyOf.get(message.subtaskId) ?? message.subtaskId,
      place: message.place,
      text: message.text,
      at: message.sentAt.toISOString(),
      ...followMessage(message, input),
    })),
    attempts: attempts.map((attempt) => ({
      subtask: keyOf.get(attempt.subtaskId) ?? attempt.subtaskId,
      number: attempt.number,
      agent: attempt.agent,
      base_commit: attempt.baseCommit,
      commit: attempt.commit,
      started_at: attempt.startedAt.toISOString(),
      ended_at: attempt.endedAt?.toISOString() ?? null,
      end_reason: attempt.endReason,
      detail: attempt.detail,
      summary: attempt.summary,
      discoveries: attempt.discoveries,
      sandbox: attempt.confinement && {
        provider: attempt.confinement.provider,
        problem: attempt.confinement.problem,
        /** What agent, setup and checks were refused. */
        refused: mergeRefused([
          ...attempt.confinement.denials,
          ...(attempt.verdict?.refused ?? []),
          ...(attempt.gateVerdict?.refused ?? []),
        ]),
      },
      verdict: attempt.verdict
        ? {
            result: attempt.verdict.result,
            summary: attempt.verdict.summary,
            findings: attempt.verdict.findings,
          }
        : null,
      after_merge: attempt.gateVerdict
        ? { result: attempt.gateVerdict.result, summary: attempt.gateVerdict.summary }
        : null,
      recovery: attempt.decision
        ? {
            action: attempt.decision.action,
            rung: attempt.decision.rung,
            ...(attempt.decision.rung === "fallback" && { fallback: attempt.decision.fallback }),
            failure: attempt.decision.kind,
            reason: attempt.decision.reason,
          }
        : null,
      log: attempt.logPath,
    })),
    /** For `deputy prove`; null: nothing was prepared. */
    repeat: describeRepeat(task, subtasks),
    ...describeCost(input),
    not_checked: [
      ...new Set([
        ...(task.preparation?.notes ?? []),
        ...finals.flatMap(({ notChecked }) => notChecked),
        ...describeOvertaken(task, subtasks),
        ...describeUnconfined(attempts),
        ...describeCredentials(delivery),
        ...(delivery?.note
          ? [`${delivery.note.charAt(0).toUpperCase()}${delivery.note.slice(1)}.`]
          : []),
        ...(delivery?.branch && delivery.patch === null && !delivery.isPublic ? [noPatch] : []),
      ]),
    ],
  };
}

function describeSetup({ copied, durationMs, isAgain = false }: SetupAccount) {
  return {
    duration_ms: durationMs,
    /** The verdict was no pass with a copy of what an earlier setup made, and was reached again. */
    is_again: isAgain,
    copied: copied && {
      made_at: copied.madeAt,
      setup_ms: copied.setupMs,
      /** False: setup ran on top of it. */
      is_whole: copied.isWhole,
    },
  };
}

const noPatch =
  "There is no patch beside this receipt: the change holds more bytes than git compares in memory. The branch has all of it.";

/** What the verdict is about, where the work was brought up to date with its base. */
function describeUpdate({ gateVerdict, headCommit, preparation }: Task): string {
  const { baseRef, update } = preparation ?? {};
  if (!update) return "";
  const isChecked = gateVerdict !== null || headCommit !== update.head;
  return `; brought up to date with ${baseRef} at ${update.base.slice(0, 10)}, and ${isChecked ? "checked again on that" : "not checked again since"}`;
}

/** A subtask's own checks run after its own merge, and again only by the final gate. */
function describeOvertaken(
  { gateVerdict, headCommit }: Task,
  subtasks: readonly Subtask[],
): string[] {
  const again = new Set(gateVerdict?.checks.map(({ check }) => check.command));
  return subtasks
    .filter(
      ({ checks, integratedCommit }) =>
        checks.some(({ command }) => !again.has(command)) &&
        integratedCommit !== null &&
        integratedCommit !== headCommit,
    )
    .map(({ key }) => `The checks of "${key}" were not run again on what was merged after it.`);
}

/** The last finished attempt's own summary. */
export function summaryOf(attempts: readonly Attempt[]): string | null {
  return attempts.findLast(({ endReason }) => endReason === "done")?.summary ?? null;
}

export type ReceiptDelivery = {
  branch: string | null;
  commit: string | null;
  /** Newest first; others than those of the attempts where they were signed or given other words. */
  commits: string[];
  signed: boolean;
  /** Of the repository's commit-msg hook. */
  note: string | null;
  url: string | null;
  /** Null: the change is too large for one, or `isPublic`. */
  patch: string | null;
  /** For readers elsewhere: without paths on this machine. */
  isPublic?: boolean;
  files: string[];
  /** Where the change adds what looks like a credential, as `path:line`. */
  credentials: string[];
  /** Links that the change adds and that lead outside the repository, as `path → target`. */
  outsideLinks: string[];
};

/** Reported to readers without a verdict: whether it is a real credential is unknown. */
function describeCredentials(delivery: ReceiptDelivery | null): string[] {
  return delivery && delivery.credentials.length > 0
    ? [
        `The change adds what looks like a credential, in ${delivery.credentials.join(", ")}; nobody checked whether it is one.`,
      ]
    : [];
}

/** Attempts whose agent could reach whatever the daemon's user can. */
function describeUnconfined(attempts: readonly Attempt[]): string[] {
  const free = attempts.filter(({ confinement }) => confinement?.provider === "none");
  const why = free.at(-1)?.confinement?.problem;
  if (free.length === 0) return [];
  return [
    `Agents and checks ran without a sandbox, as the daemon's own user${why ? ` (${why})` : ""}.`,
  ];
}

function describeChecks(
  subtask: string,
  stage: "attempt" | "after_merge" | "whole",
  verdict: Verdict | null,
) {
  return (verdict?.checks ?? []).map((result: CheckResult) => ({
    subtask,
    stage,
    command: result.check.command,
    kind: result.check.kind,
    source: result.check.source,
    result: result.result,
    reason: result.reason,
    ...describeRun(result.run),
    rerun: result.rerun ? describeRun(result.rerun) : null,
    baseline: result.baseline ? describeRun(result.baseline) : null,
    newly_failing: result.newlyFailing,
    newly_passing: result.newlyPassing,
  }));
}

function describeRun(run: CheckRun) {
  const tests = run.tests ? Object.values(run.tests.tests) : null;
  return {
    commit: run.commit,
    exit_code: run.exitCode,
    status: run.status,
    detail: run.detail,
    duration_ms: run.durationMs,
    log: run.logPath,
    /** What was ready beside it, and after how long; null: it needs nothing. */
    services: run.services?.map(({ name, readyMs }) => ({ name, ready_ms: readyMs })) ?? null,
    tests: tests
      ? {
          passed: tests.filter((state) => state === "passed").length,
          failed: tests.filter((state) => state === "failed").length,
          skipped: tests.filter((state) => state === "skipped").length,
        }
      : null,
  };
}
