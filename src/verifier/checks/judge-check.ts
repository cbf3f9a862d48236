import type { Check, CheckResult, CheckRun } from "../../core/proof/verdict.ts";
import { listSome } from "../change/list-some.ts";
import { fileOf } from "../parsers/test-list.ts";
import { compareTests, countRan, namesTests, type TestComparison } from "../tests/compare-tests.ts";
import { readSummary } from "../tests/read-summary.ts";
import type { Rename } from "../tests/rename-tests.ts";
import { buildFailureOf, crashOf, hintOf, missingOf, unreachableOf } from "./explain-run.ts";

/**
 * Judges the runs of one check. Pure.
 *
 * An acceptance check must be green. A regression check may be as red as it was: where both runs
 * name their tests, only newly failing tests count against the change; otherwise only an exit code
 * or a count that got worse. A crash, a failed build and tests that are no longer named are never
 * "red before too". A list that contradicts its exit code is not trusted, and a run without a test
 * shows nothing. What cannot be known is inconclusive, never pass. A red run that would fail the
 * check gets one more run; if that one is fine, the check is flaky.
 */
type Judgement = Pick<CheckResult, "result" | "reason" | "newlyFailing" | "newlyPassing" | "flaky">;

export type JudgeContext = {
  /** The change's renames: a test under its new name is the same test. */
  renames?: readonly Rename[];
  /** Tests known to flip without any change: neither their failures nor their passes count. */
  flaky?: ReadonlySet<string>;
};

/** Judges one run against the baseline. */
export function judgeRun(
  kind: Check["kind"],
  run: CheckRun,
  baseline: CheckRun | null,
  { flaky = new Set(), renames = [] }: JudgeContext = {},
): Judgement {
  const { tests } = run;
  const all = tests && baseline?.tests ? compareTests(baseline.tests, tests, renames) : null;
  const compared = all && withoutFlaky(all, flaky);
  const failing = failingOf(run).filter((name) => !flaky.has(name));
  const uncounted = failingOf(run).filter((name) => flaky.has(name));
  const newlyFailing = compared?.newlyFailing ?? (baseline?.status === "green" ? failing : []);
  const judged: Judged = (result, reason) => ({
    result,
    reason: reason + describeUncounted(uncounted),
    newlyFailing,
    newlyPassing: compared?.newlyPassing ?? [],
    ...(uncounted.length > 0 && { flaky: uncounted }),
  });
  const about: About = { kind, run, baseline, compared, failing, uncounted, flaky, judged };
  const worksOnBase = baseline !== null && baseline.status !== "inconclusive";
  if (run.failedService !== undefined && worksOnBase)
    return judged("fail", `${run.detail}; without the change its services run`);
  if (run.status === "inconclusive") return judged("inconclusive", run.detail + hintOf(run));
  if (run.status === "green") return judgeGreen(about, newlyFailing);
  // With only flaky failures the run is as good as green, and no better.
  if (uncounted.length > 0 && failing.length === 0) return judgeRedByFlaky(about);
  return kind === "acceptance" ? judgeAcceptance(about) : judgeRegression(about);
}

type Judged = (result: Judgement["result"], reason: string) => Judgement;
type About = {
  kind: Check["kind"];
  run: CheckRun;
  baseline: CheckRun | null;
  compared: TestComparison | null;
  /** The failing tests without the flaky ones, which are in `uncounted`. */
  failing: string[];
  uncounted: string[];
  flaky: ReadonlySet<string>;
  judged: Judged;
};

function judgeGreen(about: About, newlyFailing: readonly string[]): Judgement {
  const { baseline, compared, failing, judged, kind, run } = about;
  if (
    compared?.lostSight ||
    (baseline?.tests?.listed === "all" && namesTests(baseline.tests) && !run.tests)
  ) {
    return judged(
      "inconclusive",
      "green, but it no longer lists its tests whole, as it did on the base",
    );
  }
  if (countRan(run.tests) === 0) {
    const before = countRan(baseline?.tests ?? null);
    if (kind === "regression" && baseline?.status === "green" && before === 0)
      return judged("pass", "green, though no test ran, as on the base");
    if (before) {
      const then = countTests(before, "ran", "ran");
      return judged("fail", `green, but no test ran, and ${then} on the base`);
    }
    return judged("inconclusive", "green, but no test ran");
  }
  if (newlyFailing.length > 0)
    return judged("fail", `${countFailing(newlyFailing)} newly, though ${run.detail}`);
  if (failing.length > 0) {
    return judged(
      "inconclusive",
      `${run.detail}, though ${countFailing(failing)} by its own list (${listSome(failing)}): one of the two is not to be believed`,
    );
  }
  if (baseline?.status !== "red") return judged("pass", "green");
  const wasFlaky = turnedOnlyByFlaky(about);
  if (wasFlaky && kind === "acceptance") {
    return judged(
      "inconclusive",
      `green, but what failed on the base is flaky there (${listSome(wasFlaky)}), so that it shows nothing`,
    );
  }
  return judged("pass", wasFlaky ? "green" : "green, red before");
}

/** The failing tests of the base if all of them are flaky; that they pass now shows nothing. */
function turnedOnlyByFlaky({ baseline, flaky }: About): string[] | null {
  const before = baseline ? failingOf(baseline) : [];
  return before.length > 0 && before.every((name) => flaky.has(name)) ? before : null;
}

function judgeRedByFlaky(about: About): Judgement {
  const { baseline, compared, judged, kind, run } = about;
  if (run.tests?.listed === "some" || compared?.lostSight)
    return judged("inconclusive", `${run.detail}, and its list of tests stops early`);
  const crash = crashOf(run);
  if (crash) return judged("fail", crash);
  const turned = (compared?.newlyPassing.length ?? 0) + (compared?.newPassing.length ?? 0);
  if (turned + (compared?.stillPassing.length ?? 0) === 0)
    return judged("inconclusive", `${run.detail}, and nothing but flaky tests ran`);
  const isWanted = kind === "acceptance" && baseline?.status !== "green";
  if (isWanted && (turned === 0 || turnedOnlyByFlaky(about)))
    return judged("inconclusive", `${run.detail}: what had to turn green is flaky`);
  return judged("pass", `red in flaky tests alone (${run.detail})`);
}

function judgeAcceptance({ baseline, compared, failing, judged, run }: About): Judgement {
  const isNew = (compared?.newlyFailing.length ?? 0) > 0;
  const isBlind = !countRan(run.tests) && !isNew;
  // A cause that no work on the repository can fix must not cost the agent an attempt.
  if (isBlind && unreachableOf(run) && baseline && unreachableOf(baseline))
    return judged("inconclusive", `${run.detail}, as on the base${hintOf(run)}`);
  const missing = isBlind ? missingOf(run) : null;
  if (missing && baseline && missingOf(baseline) === missing) {
    return judged(
      "inconclusive",
      `${run.detail}: no test ran, and none did on the base${hintOf(run)}`,
    );
  }
  return judged(
    "fail",
    describeRed(run, failing, isNew) + (isContradictory(run) ? contradiction : ""),
  );
}

function judgeRegression(about: About): Judgement {
  const { baseline, compared, failing, judged, run } = about;
  if (!baseline || baseline.status === "inconclusive") {
    const why = baseline ? `on the base it ${baseline.detail}` : "the base was not run";
    return judged(
      "inconclusive",
      `red (${run.detail}), and ${why}, so nothing can be compared${hintOf(run)}`,
    );
  }
  const isNew = (compared?.newlyFailing.length ?? 0) > 0;
  if (baseline.status === "green") {
    const named = describeRed(run, failing, isNew || compared === null);
    return judged("fail", `green before, now ${named}${describeBreak(run, baseline)}`);
  }
  const broken = describeBreak(run, baseline);
  if (broken !== "") return judged("fail", `red before, and now${broken.slice(1)} (${run.detail})`);
  if (crashOf(run)) {
    return judged(
      "inconclusive",
      `it crashes as on the base, so that nothing can be compared: "${crashOf(run)}"`,
    );
  }
  const before = countRan(baseline.tests);
  if (baseline.tests && before !== 0 && (!run.tests || compared?.lostSight)) {
    const what = run.tests ? "no longer lists its tests whole" : "names no test any more";
    return judged("fail", `red before, and now it ${what} (${run.detail})${hintOf(run)}`);
  }
  if (isContradictory(run) && failingOf(baseline).length === 0)
    return judgeUnnamed(about, contradiction);
  if (!compared) return judgeUnnamed(about, "");
  return judgeRedBefore(about, compared);
}

/**
 * Judges by exit code and count alone. This is weak evidence: the verdict passes only with another
 * check that shows more.
 */
function judgeUnnamed({ baseline, judged, run }: About, more: string): Judgement {
  const [now, before] = [readSummary(run.outputTail), readSummary(baseline?.outputTail ?? "")];
  if (now && before && now.ran < before.ran) {
    const ran = countTests(now.ran, "ran", "ran");
    return judged("fail", `red before too, but ${ran}, and ${before.ran} on the base`);
  }
  if (now && before && now.failed > before.failed) {
    const fail = countTests(now.failed, "fails", "fail");
    return judged("fail", `${fail} by its own count, and ${before.failed} on the base`);
  }
  if (run.exitCode !== baseline?.exitCode) {
    return judged(
      "inconclusive",
      `red before (${baseline?.detail}), and red in another way now (${run.detail}), and it names no test to compare${hintOf(run)}`,
    );
  }
  return judged("pass", `red before too (${run.detail})${more}${hintOf(run)}`);
}

function judgeRedBefore({ baseline, judged, run }: About, compared: TestComparison): Judgement {
  const { neverLoaded, newlyFailing, stillFailing, unknownFailing } = compared;
  if (newlyFailing.length > 0) {
    const rest = stillFailing.length > 0 ? `; ${stillFailing.length} failed before too` : "";
    return judged("fail", `${countFailing(newlyFailing)} newly${rest}`);
  }
  if (unknownFailing.length > 0) {
    return judged(
      "inconclusive",
      `${countFailing(unknownFailing)}, and the base's list of tests stops too early to compare`,
    );
  }
  const unloaded =
    neverLoaded.length > 0
      ? `${listSome(neverLoaded.map(fileOf))} cannot be loaded, nor on the base`
      : "";
  if (countRan(run.tests) === 0) {
    return judged(
      "inconclusive",
      `no test ran (${run.detail})${unloaded && `: ${unloaded}`}${hintOf(run)}`,
    );
  }
  if (stillFailing.length > 0) {
    return judged(
      "pass",
      `red before too: the same ${countFailing(stillFailing)}${unloaded && `, and ${unloaded}`}`,
    );
  }
  if (unloaded !== "") return judged("pass", `red before too: ${unloaded}`);
  if (!baseline || failingOf(baseline).length === 0)
    return judged("pass", `red before too (${run.detail})${contradiction}`);
  return judged("inconclusive", `${run.detail}, though no test that it names fails any more`);
}

/** Describes a break worse than red tests that the base did not have; starts with ", ". */
function describeBreak(run: CheckRun, baseline: CheckRun): string {
  const crash = crashOf(run);
  if (crash && !crashOf(baseline))
    return crash === run.detail ? ", it crashes" : `, it crashes: "${crash}"`;
  const failure = buildFailureOf(run);
  if (failure && !buildFailureOf(baseline) && !countRan(run.tests))
    return `, it does not compile: "${failure}"`;
  return "";
}

const contradiction = ", though every test that it names passes: something else in it fails";

/** Whether every test of a whole list passes in a red run: the list does not explain it. */
function isContradictory(run: CheckRun): boolean {
  return (
    run.status === "red" &&
    namesTests(run.tests) &&
    run.tests.listed === "all" &&
    failingOf(run).length === 0
  );
}

function withoutFlaky(compared: TestComparison, flaky: ReadonlySet<string>): TestComparison {
  if (flaky.size === 0) return compared;
  const without = (names: string[]) => names.filter((name) => !flaky.has(name));
  return {
    ...compared,
    newlyFailing: without(compared.newlyFailing),
    stillFailing: without(compared.stillFailing),
    unknownFailing: without(compared.unknownFailing),
    newlyPassing: without(compared.newlyPassing),
  };
}

/** Combines a check's runs into its result. `rerun` is the second run of a red check. */
export function judgeCheck(
  check: Check,
  run: CheckRun,
  rerun: CheckRun | null,
  baseline: CheckRun | null,
  context: JudgeContext = {},
): CheckResult {
  const runs = { check, run, rerun, baseline };
  const first = judgeRun(check.kind, run, baseline, context);
  if (!rerun) return { ...runs, ...first };
  const second = judgeRun(check.kind, rerun, baseline, context);
  const flaky = [...new Set([...(first.flaky ?? []), ...(second.flaky ?? [])])];
  const named = (judgement: Judgement): CheckResult => ({
    ...{ ...runs, ...judgement },
    ...(flaky.length > 0 && { flaky }),
  });
  if (first.result === "pass") return named(first);
  const inconclusive = (reason: string) => named({ ...second, result: "inconclusive", reason });
  if (second.result === "pass") {
    const names = first.newlyFailing.length > 0 ? ` (${listSome(first.newlyFailing)})` : "";
    return inconclusive(`flaky: ${run.detail}, then ${rerun.detail} on the same commit${names}`);
  }
  const inBoth = first.newlyFailing.filter((name) => second.newlyFailing.includes(name));
  const bothName = first.newlyFailing.length > 0 && second.newlyFailing.length > 0;
  if (bothName && inBoth.length === 0)
    return inconclusive("flaky: two runs on the same commit fail in different tests");
  const isOther = run.exitCode !== rerun.exitCode && rerun.status === "red";
  if (!bothName && isOther && first.newlyFailing.length === 0) {
    return inconclusive(
      `it fails in another way the second time (${run.detail}, then ${rerun.detail}): it may leave something behind that its next run meets`,
    );
  }
  return named({ ...first, newlyFailing: bothName ? inBoth : first.newlyFailing });
}

export function failingOf(run: CheckRun): string[] {
  return Object.entries(run.tests?.tests ?? {})
    .filter(([, state]) => state === "failed")
    .map(([name]) => name);
}

/** Lists the failing tests, unless the result already lists them as newly failing. */
function describeRed(run: CheckRun, failing: readonly string[], isNamed: boolean): string {
  if (failing.length === 0) return run.detail + hintOf(run);
  const names = isNamed ? "" : ` (${listSome(failing)})`;
  return `${run.detail}: ${countFailing(failing)}${names}${hintOf(run)}`;
}

function describeUncounted(names: readonly string[]): string {
  return names.length === 0
    ? ""
    : `; not counted, because it flips on the base too: ${listSome(names)}`;
}

function countFailing(names: readonly string[]): string {
  return countTests(names.length, "fails", "fail");
}

function countTests(count: number, one: string, many: string): string {
  return count === 1 ? `1 test ${one}` : `${count} tests ${many}`;
}
