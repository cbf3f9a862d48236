import type { CheckResult, Finding, Verdict } from "../core/verdict.ts";
import { listSome } from "./list-some.ts";

/**
 * From checks and findings to a verdict. Pure. Fail wins over inconclusive, which wins over pass;
 * what nobody looked at is said.
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
  const notes =
    findings.length > 0
      ? `, with ${findings.length} allowed ${findings.length === 1 ? "change" : "changes"} to tests or their set-up`
      : "";
  return verdict("pass", `${describePasses(checks)}${notes}`);
}

/** A red check that is no redder than the base does not pass: it is in nobody's way. */
function describePasses(checks: readonly CheckResult[]): string {
  const red = checks.filter(({ run, rerun }) => (rerun ?? run).status === "red").length;
  const green = checks.length - red;
  const passing = green === 1 ? "1 check passes" : `${green} checks pass`;
  const failing = red === 1 ? "1 check fails" : `${red} checks fail`;
  if (red === 0) return passing;
  return `${green > 0 ? `${passing}, ` : ""}${failing} as on the base`;
}

/** Taken back when it is (conclude-review.ts). */
export const notReviewed = "The code was not reviewed: only its behaviour under the checks was.";
/** The summary of a pass that means nothing: there was no check. */
export const nothingChecked = "nothing was checked";
/** How the summary of a verdict on an empty change begins. */
export const noChange = "no change";

function describe({ check, reason, newlyFailing }: CheckResult): string {
  const names = newlyFailing.length > 0 ? ` (${listSome(newlyFailing, 10)})` : "";
  return `\`${check.name}\`: ${reason}${names}`;
}

function describeBlindSpot({ check, run, baseline }: CheckResult): string[] {
  if (
    run.status === "inconclusive" ||
    (run.tests?.listed === "all" && baseline?.tests?.listed === "all")
  ) {
    return [];
  }
  return [
    `\`${check.name}\` does not name all its tests on both commits: a test that stopped running would not be seen.`,
  ];
}

const maxKeptTests = 2_000;

/** A verdict is kept with every attempt: of very long lists only what did not pass stays in it. */
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
