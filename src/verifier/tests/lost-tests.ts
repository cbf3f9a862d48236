import { posix } from "node:path";
import type { CheckResult, CheckRun, Finding, TestResults } from "../../core/proof/verdict.ts";
import { listSome } from "../change/list-some.ts";
import type { TriedCheck } from "../experiments/tried-check.ts";
import { isWholeFile, nameSeparator } from "../parsers/test-list.ts";
import type { SidedFile } from "../sides/sides.ts";
import { compareTests } from "./compare-tests.ts";
import { readSummary } from "./read-summary.ts";
import { renamesOf } from "./rename-tests.ts";

/**
 * Finds tests that ran on the base and are gone or skipped on the change; a renamed or moved test
 * is the same test. Tests that run again with the base's judges were removed by the change's
 * judges, the others by its source. Tests of an edited file that is deleted, or that cannot be
 * loaded with the change's source, are left for somebody to accept. Pure.
 */
export type LostTests = { findings: Finding[]; byJudges: string[] };

export function findLostTests(
  results: readonly CheckResult[],
  tried: readonly TriedCheck[],
  files: readonly SidedFile[],
): LostTests {
  const renames = renamesOf(files);
  const asked = files.filter(({ needsAcceptance }) => needsAcceptance);
  const lost: LostTests = { findings: [], byJudges: [] };
  for (const { baseline, check, rerun, run } of results) {
    const oldRun = tried.find((each) => each.check.name === check.name)?.oldJudges?.run ?? null;
    const fewer = countFewer(rerun ?? run, baseline);
    if (fewer) {
      const bySource = !oldRun || countFewer(oldRun, baseline) !== null;
      add(lost.findings, "tests_removed", bySource, `\`${check.name}\`: ${fewer}`);
    }
    const now = (rerun ?? run).tests;
    if (!now || !baseline?.tests) continue;
    const { missing, skipped } = compareTests(baseline.tests, now, renames);
    const old = oldRun?.tests;
    const there = old && compareTests(baseline.tests, old);
    const isLostThere = (name: string) =>
      !there || there.missing.includes(name) || there.skipped.includes(name);
    for (const [rule, names, word] of [
      ["tests_removed", missing, "gone"],
      ["tests_skipped", skipped, "skipped"],
    ] as const) {
      // For a deleted file, or one that the base's judges cannot load any more, only this shows it.
      const isAskedAbout = (name: string) =>
        asked.some(
          ({ path, status }) =>
            isIn(name, path) && (status === "deleted" || (old && !isLoaded(name, old))),
        );
      const bySource = names.filter((name) => isLostThere(name) && !isAskedAbout(name));
      const byJudges = names.filter((name) => !isLostThere(name));
      const open = names.filter((name) => isLostThere(name) && isAskedAbout(name));
      if (open.length > 0) add(lost.findings, rule, false, describe(open, word));
      lost.byJudges.push(...byJudges);
      if (bySource.length > 0) add(lost.findings, rule, true, describe(bySource, word));
      if (byJudges.length > 0) add(lost.findings, rule, false, describe(byJudges, word));
    }
  }
  return lost;
}

/** Whether a test is in a file: by the path in its name, or by the folder of its Go package. */
function isIn(name: string, path: string): boolean {
  if (name.startsWith(path)) return true;
  const [first = ""] = name.split(nameSeparator);
  const folder = posix.dirname(path);
  return path.endsWith("_test.go") && (folder === "." || first.endsWith(`/${folder}`));
}

/** Whether any test of the same file or package ran. */
function isLoaded(name: string, { tests }: TestResults): boolean {
  const placeOf = (each: string) => each.split(/ > |::/)[0];
  return Object.keys(tests).some((each) => !isWholeFile(each) && placeOf(each) === placeOf(name));
}

/** Compares the counts of a green run where the names of both commits cannot be compared. */
function countFewer(run: CheckRun, baseline: CheckRun | null): string | null {
  if (!baseline || run.status !== "green") return null;
  if (run.tests?.listed === "all" && baseline.tests?.listed === "all") return null;
  const [now, before] = [readSummary(run.outputTail), readSummary(baseline.outputTail)];
  if (!now || !before || now.ran >= before.ran) return null;
  return `by its own count ${before.ran} tests ran on the base, and ${now.ran} run now`;
}

function add(findings: Finding[], rule: Finding["rule"], blocking: boolean, message: string): void {
  if (findings.some((finding) => finding.message === message)) return;
  findings.push({ rule, blocking, message, paths: [] });
}

function describe(names: readonly string[], word: string): string {
  const [tests, are] = names.length === 1 ? ["1 test", "is"] : [`${names.length} tests`, "are"];
  return `${tests} ran on the base and ${are} ${word}: ${listSome(names)}`;
}
