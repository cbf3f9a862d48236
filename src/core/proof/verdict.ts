import type { Review } from "../review/review.ts";
import type { Refused } from "./confinement.ts";

/**
 * The evidence: which commands the daemon ran, what they said, and what follows.
 * An acceptance check comes with the task and must be green, whatever it was before; a regression
 * check is the repository's own and is judged against the baseline, the same check on the base commit.
 */
export type Check = {
  name: string;
  /** Run by `sh -c` in the root of a clean worktree. */
  command: string;
  kind: "acceptance" | "regression";
  source: "caller" | "plan" | "config" | "detected";
  timeoutMs: number;
  /** A report file that the command writes, relative to the root (JUnit XML or JSON), or null to read stdout. */
  report: string | null;
};

export type TestState = "passed" | "failed" | "skipped";

/** Test results by identity, as `file > suite > name` or what the runner calls it. */
export type TestResults = {
  format: string;
  /**
   * What absence from `tests` means. `all`: there is no such test. `failures`: it did not fail
   * (a runner that names failures only). `some`: nothing; the run or its output stopped early.
   */
  listed: "all" | "failures" | "some";
  tests: Record<string, TestState>;
  /** Test files that the runner reports, relative to the root; left out: it does not say. */
  files?: string[];
};

/** One run of one check on one commit. */
export type CheckRun = {
  commit: string;
  startedAt: string;
  durationMs: number;
  exitCode: number | null;
  /** `inconclusive`: it could not start (exit 126 or 127), timed out, or was killed. */
  status: "green" | "red" | "inconclusive";
  /** One clause: "exit 1", "timed out after 600 s", "could not start: exit 127". */
  detail: string;
  /** The last lines of its output, capped; the whole is in `logPath`. */
  outputTail: string;
  logPath: string | null;
  tests: TestResults | null;
};

export type CheckResult = {
  check: Check;
  run: CheckRun;
  /** The second run that a red check gets once, to tell flaky from failing; null when there was none. */
  rerun: CheckRun | null;
  baseline: CheckRun | null;
  result: "pass" | "fail" | "inconclusive";
  /** Why, in one clause: "2 tests newly fail", "red before too". */
  reason: string;
  newlyFailing: string[];
  newlyPassing: string[];
  /** Tests that failed and are not counted, because they flip on the base too; left out: none. */
  flaky?: string[];
};

/** How the detail of a run begins that a signal of somebody else ended: it says nothing about the change. */
export const killedWords = "was killed";

export function wasKilled({ status, detail }: Pick<CheckRun, "status" | "detail">): boolean {
  return status === "inconclusive" && detail.startsWith(killedWords);
}

export const findingRules = [
  "protected_path",
  "check_changed",
  "tests_removed",
  "tests_skipped",
  "tests_weakened",
  /** A test that must fail does not: the check says nothing any more. */
  "check_silenced",
  /** What turned a check green is tests, fixtures, configuration, and no source. */
  "green_without_source",
  /** Source that looks whether it is tested, or changes what tests it. */
  "attacks_judge",
  "unfiltered_content",
  "submodule_changed",
] as const;

/** Something about the change itself that a green check would hide. */
export type Finding = {
  rule: (typeof findingRules)[number];
  /** False for what is said in the receipt and holds nothing by itself. */
  blocking: boolean;
  message: string;
  paths: string[];
};

/** What part a changed file has in how the change is judged. */
export const judgeKinds = [
  "test",
  "fixture",
  "configuration",
  "runner",
  "environment",
  "dependencies",
  "protected",
  "data",
  "source",
] as const;

/** A changed file that judges the change, so that a green check may be of its making. */
export type JudgeChange = {
  path: string;
  /** Where it was on the base, when it was moved. */
  from?: string;
  status: "added" | "modified" | "deleted" | "renamed";
  kind: (typeof judgeKinds)[number];
  /** Why it counts as a judge, in one clause: "`npm test` runs it", "tests read it". */
  why: string;
  /** Git's id of its content in the change; null: deleted. Who accepted it accepted these bytes. */
  content: string | null;
  /** What is shown to be weaker, in one clause that quotes the line: "`assert.equal(total, 5)` is gone"; null: nothing. */
  weaker: string | null;
  /** Who said that it may change, and where; null: nobody. */
  accepted: Acceptance | null;
};

export type Acceptance = {
  by: "flag" | "goal" | "plan" | "reviewer" | "person";
  /** The words that allow it: a flag, a quote of the goal, an entry of the plan's `writes`, an answer. */
  evidence: string;
};

/** Something the daemon tried to find out what a check's reading means. */
export type Experiment = {
  kind: "canary" | "old_judges" | "old_source" | "narrowing" | "repetition" | "mutants";
  /** The name of the check. */
  check: string;
  /** What ran, and on which tree, so that a person can repeat it. */
  command: string;
  tree: string;
  /** `shown`: it came out as it does for an honest change; `refuted`: as it does for one that cheats; `open`: neither. */
  result: "shown" | "refuted" | "open";
  /** One sentence: what was tried and what came out. */
  says: string;
  durationMs: number;
};

/** Why a check that was red on the base is green: the changed files without which it is not. */
export type Cause = {
  check: string;
  paths: string[];
  /** Whether no smaller set was found to do, or the budget ended the search. */
  smallest: boolean;
  /** Whether a file of the change that is no judge is among them. */
  bySource: boolean;
};

export type Verdict = {
  result: "pass" | "fail" | "inconclusive";
  /** One sentence. */
  summary: string;
  checks: CheckResult[];
  findings: Finding[];
  /** What nobody looked at, for the receipt. */
  notChecked: string[];
  /** Left out: the checks did not get so far, or nobody was to review. */
  review?: Review;
  /** Changed files that judge the change; left out: by an earlier version. */
  judges?: JudgeChange[];
  experiments?: Experiment[];
  causes?: Cause[];
  /** What setup and checks tried and the sandbox refused; left out: nothing. */
  refused?: Refused[];
};

/** Setup shows up in verdicts under this name, so no check may have it. */
export const setupCheckName = "setup";

export const defaultCheckTimeoutMs = 30 * 60_000;

/** A command that must be green, whatever it was before. */
export function acceptanceCheck(command: string, source: "caller" | "plan"): Check {
  return {
    name: command,
    command,
    kind: "acceptance",
    source,
    timeoutMs: defaultCheckTimeoutMs,
    report: null,
  };
}
