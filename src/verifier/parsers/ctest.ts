import type { TestResults, TestState } from "../../core/proof/verdict.ts";
import { makeTestResults, type TestEntry } from "./test-list.ts";

/**
 * Parses `ctest` output, which has a line for each test as it ends, whatever else it prints. The
 * list is whole when it has as many tests as the final count.
 */
const maxLineLength = 2_000;
const maxLines = 500_000;
const testLine = /^\s*\d+\/\d+ +Test +#\d+: /;
const ending =
  /(?:Subprocess aborted|Child aborted|Child killed)?\*\*\*(?:Failed|Not Run|Skipped|Timeout|Exception|Disabled|Required|Bad Command|Child aborted|Subprocess aborted|SegFault|No Subject|Unable)|\s(?:Passed|Completed)\s+[\d.]+ sec/;
const countLine = /^\d+% tests passed, (\d+) tests? failed out of (\d+)/;

export function parseCtest(text: string): TestResults | null {
  const entries: TestEntry[] = [];
  let counted: number | null = null;
  for (const raw of text.split("\n", maxLines)) {
    const line = raw.slice(0, maxLineLength);
    const start = testLine.exec(line)?.[0].length;
    const end = start === undefined ? null : ending.exec(line.slice(start));
    if (start !== undefined && end) {
      const name = withoutDots(line.slice(start, start + end.index));
      entries.push({ name, state: stateOf(end[0], line) });
      continue;
    }
    const count = countLine.exec(line)?.[2];
    if (count !== undefined) counted = (counted ?? 0) + Number(count);
  }
  if (/^No tests were found!!!/m.test(text)) counted ??= 0;
  if (entries.length === 0 && counted === null) return null;
  // Disabled tests have a line but are not counted.
  const whole = counted !== null && entries.length >= counted;
  return makeTestResults("ctest", entries, whole ? "all" : "some");
}

function stateOf(ending: string, line: string): TestState {
  if (!ending.includes("***")) return "passed";
  const isSkipped = ending === "***Skipped" || /Not Run \(Disabled\)/.test(line);
  return isSkipped || ending === "***Disabled" ? "skipped" : "failed";
}

/** Dots fill the line between a name and the test's result. */
function withoutDots(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === "." || text[end - 1] === " ")) end--;
  return text.slice(0, end);
}
