import type { TestResults, TestState } from "../../core/proof/verdict.ts";
import { makeTestResults, nameWholeFile, type TestEntry } from "./test-list.ts";

/**
 * Parses pytest output. With `-v` every test has a line; otherwise the short summary names only
 * tests that did not pass. The counts of the last line tell which it was. Lines between the
 * progress and the summary are the tests' own output and are skipped.
 */
const states: Readonly<Record<string, TestState>> = {
  PASSED: "passed",
  XPASS: "passed",
  FAILED: "failed",
  ERROR: "failed",
  SKIPPED: "skipped",
  XFAIL: "skipped",
};
const words = Object.keys(states).join("|");
const verboseLine = new RegExp(`^(\\S.*?::.+) (${words})(?: \\(.*\\))?(?:\\s+\\[ *\\d+%\\])?\\s*$`);
const parallelLine = new RegExp(`^\\[gw\\d+\\] (?:\\[ *\\d+%\\] )?(${words}) (\\S.*?::.+?)\\s*$`);
const summaryLine = new RegExp(`^(${words}) (.+)$`);
/** A failed subtest is counted as a test of its own, while its test is reported as passed. */
const subtestLine = /^SUBFAIL(?:ED)?(?:\[[^\]]{0,200}\])?(?: ?\([^)]{0,500}\))? (\S.*)$/;
const lastLine =
  /^=*\s*((?:\d+ (?:subtests? )?(?:passed|failed|skipped|xfailed|xpassed|errors?|deselected|warnings?|rerun)(?:, )?)+|no tests ran)(?:, )? in [\d.]+s/;
const maxLineLength = 2_000;
const heading = /^=+ .* =+\s*$/;

export function parsePytest(text: string): TestResults | null {
  if (!/ in \d/.test(text)) return null;
  // Names are short, and a line of megabytes would make these patterns slow.
  const lines = text.split(/\r?\n/).map((line) => line.slice(0, maxLineLength));
  const last = lines.findLastIndex((line) => lastLine.test(line));
  if (last < 0) return null;
  const counts = readCounts(lines[last] ?? "");
  const summaryAt = lines.findLastIndex((line) => /^=+ short test summary info =+/.test(line));
  const startAt = lines.findIndex((line) => /^=+ test session starts =+/.test(line)) + 1;
  const progressEnd = lines.findIndex((line, index) => index >= startAt && heading.test(line));

  const tests = new Map<string, TestState>();
  for (const line of lines.slice(startAt, progressEnd < 0 ? last : progressEnd)) {
    const verbose = verboseLine.exec(line);
    const parallel = parallelLine.exec(line);
    if (verbose) record(tests, verbose[1], verbose[2]);
    else if (parallel) record(tests, parallel[2], parallel[1]);
  }
  let failedSubtests = 0;
  if (summaryAt >= 0) {
    for (const line of lines.slice(summaryAt + 1, last)) {
      const subtest = subtestLine.exec(line)?.[1];
      if (subtest !== undefined) failedSubtests++;
      const found = summaryLine.exec(subtest === undefined ? line : `FAILED ${subtest}`);
      const named = found?.[2] === undefined ? null : nameOf(found[2], tests);
      if (found && named !== null) record(tests, named, found[1]);
    }
  }
  const entries = [...tests].map(([name, state]): TestEntry => ({ name, state }));
  counts.set("failed", (counts.get("failed") ?? 0) - failedSubtests);
  // "no tests ran", or none was left: the list is whole and empty.
  const ran = ["passed", "failed", "skipped", "xfailed", "xpassed", "error", "errors"];
  if (tests.size === 0 && !ran.some((word) => (counts.get(word) ?? 0) > 0))
    return makeTestResults("pytest", [], "all");
  return makeTestResults("pytest", entries, whatIsListed(lines, last, tests, counts));
}

function record(tests: Map<string, TestState>, name?: string, word?: string): void {
  const state = word === undefined ? undefined : states[word];
  if (name === undefined || state === undefined) return;
  // An error in the teardown comes after the test passed: the worse state stays.
  if (tests.get(name) !== "failed") tests.set(name, state);
}

/**
 * The test of a summary line `a.py::t[x - y] - message`: the part before the first ` - ` that
 * leaves no bracket open. A file that could not be imported has no `::`. Skips name no test.
 */
function nameOf(rest: string, known: ReadonlyMap<string, TestState>): string | null {
  if (known.has(rest)) return rest;
  const parts = rest.split(" - ");
  for (let count = 1; count <= parts.length; count++) {
    const name = parts.slice(0, count).join(" - ");
    const open = name.split("[").length - name.split("]").length;
    if (known.has(name) || (open <= 0 && name.includes("::"))) return name;
    if (count === 1 && /^\S+\.py$/.test(name)) return nameWholeFile(name);
  }
  return null;
}

function whatIsListed(
  lines: readonly string[],
  last: number,
  tests: ReadonlyMap<string, TestState>,
  counts: ReadonlyMap<string, number>,
): TestResults["listed"] {
  if (lines.slice(0, last).some((line) => /^!+ .* !+\s*$/.test(line))) return "some"; // interrupted
  const count = (...names: string[]) =>
    names.reduce((sum, name) => sum + (counts.get(name) ?? 0), 0);
  const ran = count("passed", "failed", "skipped", "xfailed", "xpassed");
  if (tests.size >= ran && tests.size > 0) return "all";
  const failures = [...tests.values()].filter((state) => state === "failed").length;
  return failures >= count("failed") ? "failures" : "some";
}

function readCounts(line: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, number, word] of line.matchAll(/(\d+) ([a-z]+)/g)) {
    if (word !== undefined) counts.set(word, Number(number));
  }
  return counts;
}
