import type { TestResults, TestState } from "../../core/proof/verdict.ts";
import { isWholeFile, nameSeparator } from "../parsers/test-list.ts";
import { type Rename, renameTests } from "./rename-tests.ts";

/**
 * Compares two runs of one check test by test. A test's absence from a list counts only when that
 * list is whole. A renamed or moved test is the same test.
 */
export type TestComparison = {
  /** Fail now, and passed, were skipped or did not exist before. */
  newlyFailing: string[];
  /** Fail now and failed before. */
  stillFailing: string[];
  /** Files and suites that could not be loaded before or now: they prove nothing. */
  neverLoaded: string[];
  stillPassing: string[];
  /** Pass now and did not exist before. Empty unless the base's list is whole. */
  newPassing: string[];
  /** Fail now; whether they failed before is unknown. */
  unknownFailing: string[];
  newlyPassing: string[];
  /** Ran before (passed or failed) and are gone now. Empty unless both lists are whole. */
  missing: string[];
  /** Ran before and are skipped now, themselves or with their container. */
  skipped: string[];
  /** The list was whole before and is not now, so missing tests cannot be known. */
  lostSight: boolean;
};

/** Compares by name. Pure. */
export function compareTests(
  before: TestResults,
  now: TestResults,
  renames: readonly Rename[] = [],
): TestComparison {
  const then = new Map(Object.entries(renameTests(before, now, renames).tests));
  const today = new Map(Object.entries(now.tests));
  const failing = [...today].filter(([, state]) => state === "failed").map(([name]) => name);
  const isKnownNotFailing = (name: string) =>
    then.has(name) ? then.get(name) !== "failed" : before.listed !== "some";
  const newlyFailing = failing.filter(isKnownNotFailing);
  const failedBefore = failing.filter((name) => then.get(name) === "failed");
  const passing = [...today].filter(([, state]) => state === "passed").map(([name]) => name);
  const gone = [...then]
    .filter(([name, state]) => state !== "skipped" && !isWholeFile(name) && !today.has(name))
    .map(([name]) => name);
  const skippedWithParent = gone.filter((name) => isInsideSkipped(name, today));
  const bothWhole = before.listed === "all" && now.listed === "all";
  return {
    newlyFailing,
    stillFailing: failedBefore.filter((name) => !isWholeFile(name)),
    neverLoaded: failedBefore.filter(isWholeFile),
    stillPassing: passing.filter((name) => then.get(name) === "passed"),
    newPassing: before.listed === "all" ? passing.filter((name) => !then.has(name)) : [],
    unknownFailing: failing.filter((name) => !then.has(name) && before.listed === "some"),
    newlyPassing: passing.filter((name) => then.get(name) === "failed"),
    missing: bothWhole
      ? withoutContainers(gone.filter((name) => !skippedWithParent.includes(name)))
      : [],
    skipped: withoutContainers([
      ...[...today]
        .filter(([name, state]) => state === "skipped" && ranBefore(then.get(name)))
        .map(([name]) => name),
      ...skippedWithParent,
    ]),
    lostSight: before.listed === "all" && now.listed !== "all",
  };
}

/** Whether the list names any test. */
export function namesTests(tests: TestResults | null): tests is TestResults {
  return tests !== null && Object.keys(tests.tests).length > 0;
}

/**
 * Counts the tests that passed or failed by the list; files that could not be loaded do not count.
 * Null when the list does not tell, such as a list of failures alone.
 */
export function countRan(tests: TestResults | null): number | null {
  if (!tests) return null;
  const ran = Object.entries(tests.tests).filter(
    ([name, state]) => state !== "skipped" && !isWholeFile(name),
  ).length;
  return ran === 0 && tests.listed === "failures" ? null : ran;
}

function ranBefore(state: TestState | undefined): boolean {
  return state === "passed" || state === "failed";
}

function isInsideSkipped(name: string, tests: ReadonlyMap<string, TestState>): boolean {
  const parts = name.split(nameSeparator);
  return parts.some(
    (_, index) => index > 0 && tests.get(parts.slice(0, index).join(nameSeparator)) === "skipped",
  );
}

/** Drops suites whose tests are listed too, because the tests are more precise. */
function withoutContainers(names: readonly string[]): string[] {
  const containers = new Set<string>();
  for (const name of names) {
    const parts = name.split(nameSeparator);
    for (let length = 1; length < parts.length; length++) {
      containers.add(parts.slice(0, length).join(nameSeparator));
    }
  }
  return names.filter((name) => !containers.has(name));
}
