import type { CheckResult, CheckRun, Finding } from "../core/verdict.ts";
import { compareTests } from "./compare-tests.ts";
import { failingOf } from "./judge-check.ts";
import { listSome } from "./list-some.ts";

/**
 * What the tests' names say about the change: tests that ran on the base and are gone or skipped
 * now, and tests that are green only because they were edited. Pure.
 */
export type TestContext = {
  allowTestChanges: boolean;
  alteredTests: readonly string[];
  newSkips: readonly { path: string; count: number }[];
};

/** Tests that stopped running, by name where the runner names them, by the test files' text where not. */
export function findLostTests(results: readonly CheckResult[], context: TestContext): Finding[] {
  const findings: Finding[] = [];
  const add = (rule: Finding["rule"], message: string, paths: readonly string[]) => {
    if (findings.some((finding) => finding.message === message)) return;
    findings.push({ rule, blocking: !context.allowTestChanges, message, paths: [...paths] });
  };
  let compared = false;
  for (const result of results) {
    const now = (result.rerun ?? result.run).tests;
    const before = result.baseline?.tests;
    if (!now || !before) continue;
    compared ||= now.listed === "all" && before.listed === "all";
    // A file that no longer loads takes its tests with it: that is said as a failing test.
    if (result.result === "fail" && context.alteredTests.length === 0) continue;
    const { missing, skipped } = compareTests(before, now);
    if (missing.length > 0) {
      const what = `${count(missing)} ran on the base and ${missing.length === 1 ? "is" : "are"} gone`;
      add("tests_removed", `${what}: ${listSome(missing)}`, context.alteredTests);
    }
    if (skipped.length > 0) {
      const what = `${count(skipped)} ran on the base and ${skipped.length === 1 ? "is" : "are"} skipped`;
      add("tests_skipped", `${what}: ${listSome(skipped)}`, context.alteredTests);
    }
  }
  if (!compared && context.newSkips.length > 0) {
    const where = context.newSkips.map(({ path, count }) => `${path} (${count} more)`);
    add(
      "tests_skipped",
      `tests are switched off in existing test files: ${listSome(where)}`,
      context.newSkips.map(({ path }) => path),
    );
  }
  return findings;
}

/**
 * Tests that fail as the base has them and do not fail as the change has them. Empty without such;
 * null when the runner names none and only the exit codes tell.
 */
export function findWeakened(
  changed: CheckRun,
  original: CheckRun,
): { weakened: boolean; tests: string[] } {
  if (original.status !== "red") return { weakened: false, tests: [] };
  const failing = new Set(failingOf(changed));
  const tests = failingOf(original).filter((name) => !failing.has(name));
  return { weakened: tests.length > 0 || changed.status === "green", tests };
}

export function describeWeakened(
  check: string,
  tests: readonly string[],
  context: TestContext,
): Finding {
  const which = tests.length > 0 ? `: ${listSome(tests)}` : "";
  return {
    rule: "tests_weakened",
    blocking: !context.allowTestChanges,
    message: `\`${check}\` passes with the change's tests and fails with the base's versions of ${listSome(context.alteredTests)}${which}`,
    paths: [...context.alteredTests],
  };
}

function count(tests: readonly string[]): string {
  return tests.length === 1 ? "1 test" : `${tests.length} tests`;
}
