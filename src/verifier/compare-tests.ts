import type { TestResults, TestState } from "../core/verdict.ts";
import { isWholeFile, nameSeparator } from "./parsers/test-list.ts";

/**
 * Two runs of one check, test by test. What is not in a list is only "not there" when that list
 * is whole; otherwise nothing follows from its absence.
 */
export type TestComparison = {
  /** Fail now, and passed, were skipped or did not exist before. */
  newlyFailing: string[];
  /** Fail now and failed before. */
  stillFailing: string[];
  /** Fail now; whether they did before cannot be known. */
  unknownFailing: string[];
  newlyPassing: string[];
  /** Ran before (passed or failed) and is not there now. Empty unless both lists are whole. */
  missing: string[];
  /** Ran before and is skipped now, itself or with what contains it. */
  skipped: string[];
  /** The list was whole before and is not now: what is missing cannot be known. */
  lostSight: boolean;
};

/** Compare by name. Pure. */
export function compareTests(before: TestResults, now: TestResults): TestComparison {
  const then = new Map(Object.entries(before.tests));
  const today = new Map(Object.entries(now.tests));
  const failing = [...today].filter(([, state]) => state === "failed").map(([name]) => name);
  const isKnownNotFailing = (name: string) =>
    then.has(name) ? then.get(name) !== "failed" : before.listed !== "some";
  const newlyFailing = failing.filter(isKnownNotFailing);
  const stillFailing = failing.filter((name) => then.get(name) === "failed");
  const gone = [...then]
    .filter(([name, state]) => state !== "skipped" && !isWholeFile(name) && !today.has(name))
    .map(([name]) => name);
  const skippedWithParent = gone.filter((name) => isInsideSkipped(name, today));
  const bothWhole = before.listed === "all" && now.listed === "all";
  return {
    newlyFailing,
    stillFailing,
    unknownFailing: failing.filter((name) => !then.has(name) && before.listed === "some"),
    newlyPassing: [...today]
      .filter(([name, state]) => state === "passed" && then.get(name) === "failed")
      .map(([name]) => name),
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

function ranBefore(state: TestState | undefined): boolean {
  return state === "passed" || state === "failed";
}

function isInsideSkipped(name: string, tests: ReadonlyMap<string, TestState>): boolean {
  const parts = name.split(nameSeparator);
  return parts.some(
    (_, index) => index > 0 && tests.get(parts.slice(0, index).join(nameSeparator)) === "skipped",
  );
}

/** Where a suite and its tests are both in the list, the tests say it better. */
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
