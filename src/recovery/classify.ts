import { createHash } from "node:crypto";
import { stripVTControlCharacters } from "node:util";
import { invariant } from "../core/base/invariant.ts";
import { describeCheck } from "../core/proof/check-words.ts";
import {
  askAboutJudges,
  askAboutMissed,
  openJudges,
  summarizeJudges,
  tellCoderOfJudges,
} from "../core/proof/judge-words.ts";
import { type CheckResult, type Verdict, wasKept } from "../core/proof/verdict.ts";
import { openFindings, type Review, whyLoopEnds } from "../core/review/review.ts";
import { askAboutMissing, askPerson, count, tellCoder } from "../core/review/review-words.ts";
import type { FailureKind } from "../core/task/failure.ts";
import type { Attempt, Subtask } from "../core/task/task.ts";

/**
 * Turns what happened into a kind of failure, its signature, and feedback for the next attempt.
 * Pure. Two failures with the same signature are the same failure again: numbers, paths of
 * temporary folders and durations are left out of it.
 */
export type Failure = {
  kind: FailureKind;
  signature: string;
  /** One clause for people. */
  detail: string;
  /** For the next attempt's brief. */
  evidence: string;
  question: string | null;
  /** The answers that the agent offers with it; absent: none. */
  choices?: string[];
  /** When the provider limit ends; null: unknown. */
  retryAt: Date | null;
};

const maxEvidence = 16_000;
const maxLastLines = 20;
const maxLastWords = 1_000;

/**
 * `merged` describes what siblings merged since the attempt's base; null: nothing, or it is
 * irrelevant.
 */
export function classify(
  subtask: Subtask,
  attempt: Attempt | null,
  merged: string | null = null,
): Failure {
  const { ending } = subtask;
  invariant(ending, "a recovering subtask has its ending");
  switch (ending.what) {
    case "attempt": {
      const tail = attempt?.outputTail ?? "";
      const said = attempt?.summary ? `The agent said: ${attempt.summary}\n` : "";
      const kind = kindOfEnd(ending.reason, ending.failure);
      const retryAt = ending.retryAt ? new Date(ending.retryAt) : null;
      const { choices = [], detail, question } = ending;
      return { ...make(kind, detail, `${said}${tail}`, question), choices, retryAt };
    }
    case "verdict": {
      const verdict = ending.stage === "integrate" ? subtask.gateVerdict : subtask.verdict;
      invariant(verdict, "a verdict that ended an attempt is stored");
      return classifyVerdict(verdict, ending.stage, merged, subtask.withoutPaths);
    }
    case "conflict":
      if (ending.files.length === 0)
        return make("conflict", ending.detail, `${ending.detail}.\n${startMerged(merged)}`);
      return make(
        "conflict",
        `merge conflict in ${ending.files.join(", ")}`,
        `Your change conflicted with work that was merged meanwhile, in: ${ending.files.join(", ")}.\n${startMerged(merged)}`,
      );
    case "unaffordable":
      invariant(false, "what waits for a budget does not recover");
      break;
    case "broken":
      return make(
        "infrastructure",
        `${ending.stage} could not do its work: ${ending.detail}`,
        ending.detail,
      );
  }
}

function kindOfEnd(reason: string, failure: FailureKind | null): FailureKind {
  if (failure) return failure;
  switch (reason) {
    case "needs_input":
      return "question";
    case "out_of_budget":
      return "out_of_budget";
    case "timed_out":
      return "timed_out";
    case "stalled":
      return "stalled";
    case "lost":
      return "lost";
    default:
      return "agent_failed";
  }
}

function startMerged(merged: string | null): string {
  const start =
    "You now start from the merged state: make your change on it, and keep what it does.";
  return [start, merged].filter(Boolean).join("\n\n");
}

function classifyVerdict(
  verdict: Verdict,
  stage: "verify" | "integrate",
  merged: string | null,
  leftOut: Subtask["withoutPaths"],
): Failure {
  const { review } = verdict;
  if (review && openFindings(review).length > 0) return classifyReview(review);
  const blocking = verdict.findings.filter((finding) => finding.blocking);
  const bad = verdict.checks.filter(({ result }) => result !== "pass");
  const evidence = [
    ...blocking.map(({ message }) => `- ${message}`),
    ...bad.map(describeCheck),
  ].join("\n\n");
  if (verdict.result === "inconclusive" && review)
    return make("review_not_done", verdict.summary, "", askAboutMissing(review));
  // Nothing is known about the change, and the agent had no part in it.
  if (verdict.result === "inconclusive" && bad.length > 0 && bad.every(({ run }) => wasKept(run)))
    return make("infrastructure", verdict.summary, evidence);
  if (verdict.result === "inconclusive") return make("inconclusive", verdict.summary, evidence);
  if (blocking.length > 0)
    return make("policy_violated", blocking.map(({ message }) => message).join("; "), evidence);
  if (bad.length === 0 && openJudges(verdict).length > 0) return classifyJudges(verdict);
  if (verdict.unchanged)
    return make("no_change", verdict.summary, evidence, null, "nothing was changed");
  // A person wants it without these files, but without them it does not pass.
  if (leftOut.length > 0 && bad.length > 0) {
    const paths = leftOut.map(({ path }) => path);
    const without = `it does not pass without the change to ${paths.slice(0, 3).join(", ")}: ${verdict.summary}`;
    return make("judges_changed", without, evidence, askAboutMissed(paths, verdict.summary));
  }
  // With nothing merged meanwhile the tree was the same as before, so no sibling caused it.
  if (stage === "integrate" && merged !== null) {
    return make(
      "integration_red",
      `green alone, red after the merge: ${verdict.summary}`,
      `Your change passed alone but the checks fail after merging it with the other work:\n\n${evidence}\n\n${startMerged(merged)}`,
    );
  }
  return make("checks_failed", verdict.summary, evidence, null, bad.map(tellApart).join("|"));
}

/**
 * The checks are green, but reviewers found something. Has a question if another round would not
 * help.
 */
function classifyReview(review: Review): Failure {
  const open = openFindings(review);
  return make(
    "review_blocked",
    `the review has ${count(open.length, "blocking finding")}: ${open.map(({ id }) => id).join(", ")}`,
    tellCoder(review),
    whyLoopEnds(review) === null ? null : askPerson(review),
    open.map(({ file, claim }) => `${file} ${claim}`).join("|"),
  );
}

/**
 * The checks are green, but the change edits its judges. Has a question; an agent that weakened
 * them gets to fix it first.
 */
function classifyJudges(verdict: Verdict): Failure {
  const open = openJudges(verdict);
  const weaker = open.filter((judge) => judge.weaker !== null);
  const essence = open.map(({ content, path }) => `${path} ${content}`).join("|");
  const question = askAboutJudges(open, verdict);
  return weaker.length === 0
    ? make("judges_changed", summarizeJudges(open), "", question, essence)
    : make("tests_weakened", summarizeJudges(weaker), tellCoderOfJudges(weaker), question, essence);
}

/** What a red check failed with: its tests by name, or, where it names none, its last words. */
function tellApart({ check, newlyFailing, run }: CheckResult): string {
  if (newlyFailing.length > 0) return [check.command, ...newlyFailing].join("|");
  const last = run.outputTail
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-maxLastLines)
    .join("\n");
  const plain = stripVTControlCharacters(last)
    .replace(/\b\d+(?:\.\d+)?\s?(?:ms|s|seconds)\b/g, "#")
    .replace(/\b[0-9a-f]{7,}\b/gi, "#");
  // Cut last: a number with one digit more would move the cut.
  return `${check.command}|${leaveOutPlaces(plain).slice(-maxLastWords)}`;
}

/** Without folders and numbers, which differ from run to run. */
function leaveOutPlaces(text: string): string {
  return text.replace(/\/\S*\/(?=\S)/g, "").replace(/\d+/g, "#");
}

function make(
  kind: FailureKind,
  detail: string,
  evidence: string,
  question: string | null = null,
  essence = detail,
): Failure {
  const normal = leaveOutPlaces(essence).slice(0, 2_000);
  const signature = createHash("sha256").update(`${kind}\n${normal}`).digest("hex").slice(0, 16);
  const capped =
    evidence.length > maxEvidence
      ? `${evidence.slice(0, maxEvidence / 2)}\n[…]\n${evidence.slice(-maxEvidence / 2)}`
      : evidence;
  return { kind, signature, detail, evidence: capped, question, retryAt: null };
}
