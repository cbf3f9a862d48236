import type { Review } from "../review/review.ts";
import type { ServicesRun } from "../settings/service.ts";
import type { Refused } from "./confinement.ts";

/**
 * The evidence: which commands the daemon ran, their results, and what follows. An acceptance check
 * comes with the task and must be green, whatever it was before; a regression check is the
 * repository's own and is judged against the baseline, the same check on the base commit.
 */
export type Check = {
  name: string;
  /** Run by `sh -c` in the root of a clean worktree. */
  command: string;
  kind: "acceptance" | "regression";
  source: "caller" | "plan" | "config" | "detected";
  timeoutMs: number;
  /**
   * The report file that the command writes, relative to the root (JUnit XML or JSON); null: read
   * stdout.
   */
  report: string | null;
  /** It runs even where its tree was judged already: its result depends on more than the tree. */
  always?: boolean;
};

export type TestState = "passed" | "failed" | "skipped";

/** Test results by identity: `file > suite > name`, or the runner's own naming. */
export type TestResults = {
  format: string;
  /**
   * What absence from `tests` means. `all`: there is no such test. `failures`: it did not fail (the
   * runner names failures only). `some`: nothing; the run or its output stopped early.
   */
  listed: "all" | "failures" | "some";
  tests: Record<string, TestState>;
  /** Test files that the runner reports, relative to the root; absent: it does not say. */
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
  /** The last lines of its output, capped; all of it is in `logPath`. */
  outputTail: string;
  /** The passages of its output that tell of failures; absent: it is not red, or names none. */
  failures?: string;
  logPath: string | null;
  tests: TestResults | null;
  /** The services that were ready before it, and after how long; absent: it needs none. */
  services?: ServicesRun["ready"];
  /** The service that did not run as long as it did: nothing is known; absent: all ran. */
  failedService?: string;
};

export type CheckResult = {
  check: Check;
  run: CheckRun;
  /** The one rerun of a red check, to tell flaky from failing; null if there was none. */
  rerun: CheckRun | null;
  baseline: CheckRun | null;
  result: "pass" | "fail" | "inconclusive";
  /** Why, in one clause: "2 tests newly fail", "red before too". */
  reason: string;
  newlyFailing: string[];
  newlyPassing: string[];
  /** Failed tests that do not count because they are flaky on the base too; absent: none. */
  flaky?: string[];
};

/** Prefix of a run's detail if an outside signal ended it: it says nothing about the change. */
export const killedWords = "was killed";

export function wasKilled({ status, detail }: Pick<CheckRun, "status" | "detail">): boolean {
  return status === "inconclusive" && detail.startsWith(killedWords);
}

/** The machine kept it from saying anything about the change. */
export function wasKept(run: Pick<CheckRun, "status" | "detail" | "failedService">): boolean {
  return wasKilled(run) || run.failedService !== undefined;
}

export const findingRules = [
  "protected_path",
  "check_changed",
  "tests_removed",
  "tests_skipped",
  "tests_weakened",
  /** A test that must fail does not: the check no longer proves anything. */
  "check_silenced",
  /** A check turned green because of tests, fixtures or configuration, without any source. */
  "green_without_source",
  /** Source that detects whether it is being tested, or changes what tests it. */
  "attacks_judge",
  "unfiltered_content",
  "submodule_changed",
] as const;

/** A problem of the change itself that a green check would hide. */
export type Finding = {
  rule: (typeof findingRules)[number];
  /** False: reported in the receipt, without holding anything up. */
  blocking: boolean;
  message: string;
  paths: string[];
};

/** The role of a changed file in judging the change. */
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

/** A changed file that judges the change, so that the change itself may have made a check green. */
export type JudgeChange = {
  path: string;
  /** Its path on the base, if it was moved. */
  from?: string;
  status: "added" | "modified" | "deleted" | "renamed";
  kind: (typeof judgeKinds)[number];
  /** Why it counts as a judge, in one clause: "`npm test` runs it", "tests read it". */
  why: string;
  /** Git's blob id in the change; null: deleted. An acceptance covers exactly these bytes. */
  content: string | null;
  /**
   * What is shown to be weaker, in one clause that quotes the line: "`assert.equal(total, 5)` is
   * gone"; null: nothing.
   */
  weaker: string | null;
  /** Who allowed the change, and where; null: nobody. */
  accepted: Acceptance | null;
};

export type Acceptance = {
  by: "flag" | "goal" | "plan" | "reviewer" | "person";
  /**
   * The words that allow it: a flag, a quote of the goal, an entry of the plan's `writes`, an
   * answer.
   */
  evidence: string;
};

/** An experiment of the daemon to find out what a check's result means. */
export type Experiment = {
  kind: "canary" | "old_judges" | "old_source" | "narrowing" | "repetition" | "mutants";
  /** The name of the check. */
  check: string;
  /** The command and the tree it ran on, so that a person can repeat it. */
  command: string;
  tree: string;
  /** `shown`: as for an honest change; `refuted`: as for a cheating one; `open`: neither. */
  result: "shown" | "refuted" | "open";
  /** One sentence: what was tried, and the result. */
  says: string;
  durationMs: number;
};

/** Why a check that was red on the base is green: the changed files that it needs. */
export type Cause = {
  check: string;
  paths: string[];
  /** False if the budget ended the search before a smallest set was found. */
  smallest: boolean;
  /** Whether it includes a changed file that is no judge. */
  bySource: boolean;
};

export type Verdict = {
  result: "pass" | "fail" | "inconclusive";
  /** One sentence. */
  summary: string;
  checks: CheckResult[];
  findings: Finding[];
  /** Things that were not checked, for the receipt. */
  notChecked: string[];
  /** The attempt changed nothing, because it had nothing to do: it passes where each check is green. */
  unchanged?: true;
  /** Absent: the checks did not get that far, or no review was required. */
  review?: Review;
  /** Changed files that judge the change; absent in verdicts of earlier versions. */
  judges?: JudgeChange[];
  experiments?: Experiment[];
  causes?: Cause[];
  /** Refusals of the sandbox to setup and checks; absent: none. */
  refused?: Refused[];
  /** The attempt, and when its checks began, whose tree this one has: nothing was run again. */
  sameTree?: SameTree;
  /** How the worktree of the checks was set up; absent: there is no setup, or it failed. */
  setup?: SetupAccount;
};

export type SameTree = { attempt: number; judgedAt: string };

export type SetupAccount = {
  durationMs: number;
  /** What an earlier setup of the base made, copied in its place or for it to start from; null: none. */
  copied: { madeAt: string; setupMs: number; isWhole: boolean } | null;
  /** The verdict was not a pass with such a copy, and was reached again without. */
  isAgain?: boolean;
};

/** Verdicts report setup under this name, so no check may have it. */
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
