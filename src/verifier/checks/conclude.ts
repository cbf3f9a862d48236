import type { CheckResult, Finding, Verdict } from "../../core/proof/verdict.ts";
import { listSome } from "../change/list-some.ts";
import { fileOf } from "../parsers/test-list.ts";
import { compareTests, countRan } from "../tests/compare-tests.ts";
import { failingOf } from "./judge-check.ts";

/**
 * Turns checks and findings into a verdict. Pure. Fail wins over inconclusive, which wins over
 * pass. Checks that are all red before and after, or that ran no test, show nothing and are no
 * pass. The verdict names what was not checked.
 */
export function conclude(
  checks: CheckResult[],
  findings: Finding[],
  notChecked: readonly string[],
): Verdict {
  const blocking = findings.filter((finding) => finding.blocking);
  const failed = checks.filter(({ result }) => result === "fail");
  const open = checks.filter(({ result }) => result === "inconclusive");
  const unchecked = [...notChecked, ...checks.flatMap(describeBlindSpot), notReviewed];
  const verdict = (result: Verdict["result"], summary: string): Verdict => ({
    result,
    summary,
    checks: checks.map(slim),
    findings,
    notChecked: unchecked,
  });
  if (failed.length > 0 || blocking.length > 0) {
    return verdict(
      "fail",
      listSome([...failed.map(describe), ...blocking.map(({ message }) => message)], 3),
    );
  }
  if (open.length > 0) return verdict("inconclusive", listSome(open.map(describe), 3));
  if (checks.length === 0) return verdict("pass", nothingChecked);
  if (!checks.some(showsSomething))
    return verdict("inconclusive", listSome(checks.map(describeNothing), 3));
  return verdict("pass", describePasses(checks));
}

/**
 * Whether a passing check says anything about the change: it is green and ran a test, or it is red
 * as on the base and names tests that pass now.
 */
function showsSomething({ baseline, rerun, result, run }: CheckResult): boolean {
  if (result !== "pass") return false;
  const last = rerun?.status === "green" ? rerun : run;
  if (last.status === "green") return countRan(last.tests) !== 0;
  if (!last.tests || !baseline?.tests || last.tests.listed !== "all") return false;
  const { newPassing, newlyPassing, stillPassing } = compareTests(baseline.tests, last.tests);
  return newPassing.length + newlyPassing.length + stillPassing.length > 0;
}

/** Explains why the check shows nothing. */
function describeNothing({ check, run }: CheckResult): string {
  if (run.status === "green")
    return `\`${check.name}\` is green, and no test ran in it, as on the base`;
  const failing = failingOf(run).length;
  const what =
    failing === 0
      ? `it fails without the change too (${run.detail}), and names no test that passes`
      : `its ${failing === 1 ? "failing test fails" : `${failing} failing tests fail`} without the change too, and nothing else ran`;
  return `\`${check.name}\` shows nothing about the change: ${what}`;
}

/** A check that is no redder than on the base blocks nothing, but it does not count as passing. */
function describePasses(checks: readonly CheckResult[]): string {
  const red = checks.filter(({ run, rerun }) => (rerun ?? run).status === "red").length;
  const green = checks.length - red;
  const passing = green === 1 ? "1 check passes" : `${green} checks pass`;
  const failing = red === 1 ? "1 check fails" : `${red} checks fail`;
  if (red === 0) return passing;
  return `${green > 0 ? `${passing}, ` : ""}${failing} as on the base`;
}

/** Removed once the code is reviewed (conclude-review.ts). */
export const notReviewed = "The code was not reviewed: only its behaviour under the checks was.";
/** Summary of a pass without any check. */
export const nothingChecked = "nothing was checked";

/**
 * The verdict on an attempt that says it had nothing to do. It passes only where every check is green
 * now: what is as red as on the base was to be changed.
 */
export function concludeUnchanged(verdict: Verdict): Verdict {
  const { checks, result, summary } = verdict;
  if (result === "inconclusive" && checks.some((check) => check.result === "inconclusive"))
    return { ...verdict, unchanged: true };
  const isGreen = checks.every(({ rerun, run }) => (rerun ?? run).status === "green");
  if (result !== "pass" || checks.length === 0 || !isGreen)
    return {
      ...{ ...verdict, unchanged: true, result: "fail" },
      summary: `no change: the agent ended without changing anything, and not every check is green (${summary})`,
    };
  const names = checks.map(({ check }) => `\`${check.name}\``);
  return {
    ...{ ...verdict, unchanged: true },
    summary: `no change was needed according to the agent; ${listSome(names)} ${names.length === 1 ? "is" : "are"} green on the base`,
  };
}

function describe({ check, reason, newlyFailing }: CheckResult): string {
  const names = newlyFailing.length > 0 ? ` (${listSome(newlyFailing, 10)})` : "";
  return `\`${check.name}\`: ${reason}${names}`;
}

function describeBlindSpot({ check, flaky = [], run, baseline }: CheckResult): string[] {
  if (run.status === "inconclusive") return [];
  const said: string[] = [];
  if (flaky.length > 0) {
    said.push(
      `\`${check.name}\`: not counted, because it flips on the base too: ${listSome(flaky)}.`,
    );
  }
  const unloaded =
    run.tests && baseline?.tests ? compareTests(baseline.tests, run.tests).neverLoaded : [];
  if (unloaded.length > 0) {
    said.push(
      `\`${check.name}\`: ${listSome(unloaded.map(fileOf))} could not be loaded, on the base neither: what is in it was not checked.`,
    );
  }
  if (run.tests?.listed === "all" && baseline?.tests?.listed === "all") return said;
  return [
    ...said,
    `\`${check.name}\` does not name all its tests on both commits: a test that stopped running would not be seen.`,
  ];
}

const maxKeptTests = 2_000;

/** Every attempt stores its verdict, so very long lists keep only the tests that did not pass. */
function slim(result: CheckResult): CheckResult {
  const [run, rerun, baseline] = [result.run, result.rerun, result.baseline].map((each) => {
    const all = Object.entries(each?.tests?.tests ?? {});
    if (!each?.tests || all.length <= maxKeptTests) return each;
    const tests = Object.fromEntries(
      all.filter(([, state]) => state !== "passed").slice(0, maxKeptTests),
    );
    return { ...each, tests: { ...each.tests, listed: "some" as const, tests } };
  });
  return {
    ...result,
    run: run ?? result.run,
    rerun: rerun ?? null,
    baseline: baseline ?? null,
    newlyFailing: result.newlyFailing.slice(0, maxKeptTests),
    newlyPassing: result.newlyPassing.slice(0, maxKeptTests),
  };
}
