import type { Check, CheckResult, CheckRun } from "../core/verdict.ts";
import { compareTests } from "./compare-tests.ts";
import { listSome } from "./list-some.ts";

/**
 * What one check's runs mean. Pure.
 *
 * An acceptance check must be green. A regression check may be as red as it was: where both runs
 * name their tests, only tests that newly fail count against the change; where they do not, only
 * an exit code that got worse. What cannot be known is inconclusive, never pass. A red run that
 * would fail the check gets one more run; when that one is fine, the check is flaky.
 */
type Judgement = Pick<CheckResult, "result" | "reason" | "newlyFailing" | "newlyPassing">;

/** Judge one run against the baseline. */
export function judgeRun(kind: Check["kind"], run: CheckRun, baseline: CheckRun | null): Judgement {
  const { tests } = run;
  const compared = tests && baseline?.tests ? compareTests(baseline.tests, tests) : null;
  const newlyFailing =
    compared?.newlyFailing ?? (baseline?.status === "green" ? failingOf(run) : []);
  const judged = (result: Judgement["result"], reason: string): Judgement => ({
    result,
    reason,
    newlyFailing,
    newlyPassing: compared?.newlyPassing ?? [],
  });

  if (run.status === "inconclusive") return judged("inconclusive", run.detail);
  if (run.status === "green") {
    if (compared?.lostSight || (baseline?.tests?.listed === "all" && !tests)) {
      return judged(
        "inconclusive",
        "green, but it no longer lists its tests whole, as it did on the base",
      );
    }
    if (kind === "regression" && newlyFailing.length > 0) {
      return judged("fail", `${countTests(newlyFailing.length)} newly, though ${run.detail}`);
    }
    return judged("pass", baseline?.status === "red" ? "green, red before" : "green");
  }
  if (kind === "acceptance") return judged("fail", describeRed(run, newlyFailing.length > 0));
  if (!baseline || baseline.status === "inconclusive") {
    const why = baseline ? `on the base it ${baseline.detail}` : "the base was not run";
    return judged("inconclusive", `red (${run.detail}), and ${why}, so nothing can be compared`);
  }
  if (baseline.status === "green")
    return judged("fail", `green before, now ${describeRed(run, newlyFailing.length > 0)}`);
  if (!compared) return judged("pass", `red before too (${run.detail})`);
  return judgeRedBefore(run, baseline, compared, judged);
}

function judgeRedBefore(
  run: CheckRun,
  baseline: CheckRun,
  compared: ReturnType<typeof compareTests>,
  judged: (result: Judgement["result"], reason: string) => Judgement,
): Judgement {
  const { newlyFailing, stillFailing, unknownFailing } = compared;
  if (newlyFailing.length > 0) {
    const rest = stillFailing.length > 0 ? `; ${stillFailing.length} failed before too` : "";
    return judged("fail", `${countTests(newlyFailing.length)} newly${rest}`);
  }
  if (unknownFailing.length > 0) {
    return judged(
      "inconclusive",
      `${countTests(unknownFailing.length)}, and the base's list of tests stops too early to compare`,
    );
  }
  if (stillFailing.length > 0) {
    return judged("pass", `red before too: the same ${countTests(stillFailing.length)}`);
  }
  if (failingOf(baseline).length === 0) return judged("pass", `red before too (${run.detail})`);
  return judged("inconclusive", `${run.detail}, though no test that it names fails any more`);
}

/** Put a check's runs together into its result. `rerun` is the second run of a red check. */
export function judgeCheck(
  check: Check,
  run: CheckRun,
  rerun: CheckRun | null,
  baseline: CheckRun | null,
): CheckResult {
  const first = judgeRun(check.kind, run, baseline);
  if (!rerun) return { check, run, rerun, baseline, ...first };
  const second = judgeRun(check.kind, rerun, baseline);
  if (second.result === "pass") {
    return {
      ...{ check, run, rerun, baseline, ...second },
      result: "inconclusive",
      reason: `flaky: ${run.detail}, then ${rerun.detail} on the same commit`,
    };
  }
  const inBoth = first.newlyFailing.filter((name) => second.newlyFailing.includes(name));
  const named = first.newlyFailing.length > 0 && second.newlyFailing.length > 0;
  if (named && inBoth.length === 0) {
    return {
      ...{ check, run, rerun, baseline, ...second },
      result: "inconclusive",
      reason: "flaky: two runs on the same commit fail in different tests",
    };
  }
  return {
    check,
    run,
    rerun,
    baseline,
    ...first,
    newlyFailing: named ? inBoth : first.newlyFailing,
  };
}

export function failingOf(run: CheckRun): string[] {
  return Object.entries(run.tests?.tests ?? {})
    .filter(([, state]) => state === "failed")
    .map(([name]) => name);
}

/** With the names of the failing tests, where they are not said as newly failing. */
function describeRed(run: CheckRun, isNamed: boolean): string {
  const failing = failingOf(run);
  if (failing.length === 0) return run.detail;
  const names = isNamed ? "" : ` (${listSome(failing)})`;
  return `${run.detail}: ${countTests(failing.length)}${names}`;
}

function countTests(count: number): string {
  return count === 1 ? "1 test fails" : `${count} tests fail`;
}
