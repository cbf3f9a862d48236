import type { CheckResult, CheckRun, Finding } from "../core/verdict.ts";
import { compareTests } from "./compare-tests.ts";
import { listSome } from "./list-some.ts";
import { readSummary } from "./read-summary.ts";
import type { Rename } from "./rename-tests.ts";
import type { TriedCheck } from "./tried-check.ts";

/**
 * Tests that ran on the base and are gone or skipped on the change, by identity: one that was renamed or
 * moved is the same. With the base's judges they run again, where the change's judges took them away;
 * where they do not even then, the source did, and nobody can have asked for that. Pure.
 */
export type LostTests = { findings: Finding[]; byJudges: string[] };

export function findLostTests(
  results: readonly CheckResult[],
  tried: readonly TriedCheck[],
  renames: readonly Rename[],
): LostTests {
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
      const bySource = names.filter(isLostThere);
      const byJudges = names.filter((name) => !isLostThere(name));
      lost.byJudges.push(...byJudges);
      if (bySource.length > 0) add(lost.findings, rule, true, describe(bySource, word));
      if (byJudges.length > 0) add(lost.findings, rule, false, describe(byJudges, word));
    }
  }
  return lost;
}

/** Where the names of both commits cannot be compared, their counts: of a run that is not red. */
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
