import type { TestResults } from "../../core/proof/verdict.ts";
import { parseTap } from "./tap.ts";
import { makeTestResults, nameSeparator, nameWholeFile, type TestEntry } from "./test-list.ts";

/**
 * Parses the results of Perl's harness (`prove`, `make test`, `Build test`) from the raw TAP of
 * each test file, where it was kept, and the output. A file that ended badly without a failing test
 * (it died, or did not meet its plan) is an entry of its own.
 */
const maxLineLength = 1_000;
const summaryLine = /^(\S+)\s+\(Wstat: \d+(?: \([^)]*\))? Tests: \d+ Failed: (\d+)\)/;
const fileLine =
  /^(?:\[[\d:]+\] )?(\S+\.t) \.+ ?(ok|skipped|Failed|Dubious|No subtests run|All \d+ subtests passed)?/;

export function parseProve(
  found: readonly { name: string; text: string }[],
  output: string,
): TestResults | null {
  const entries: TestEntry[] = [];
  const files: string[] = [];
  let whole = true;
  const bad = readSummary(output);
  for (const { name: file, text } of found) {
    files.push(file);
    // A file that died has no plan.
    const results = parseTap(text.startsWith("TAP") ? text : `TAP version 13\n${text}`);
    if (!results && /^1\.\.0/m.test(text)) {
      entries.push({ name: file, state: "skipped" });
      continue;
    }
    const tests = Object.entries(results?.tests ?? {});
    whole &&= results?.listed === "all";
    for (const [name, state] of tests) entries.push({ name: file + nameSeparator + name, state });
    const isFailed = tests.some(([, state]) => state === "failed");
    const isCut = results?.listed !== "all";
    if (!isFailed && (bad.has(file) || isCut)) {
      entries.push({ name: nameWholeFile(file), state: "failed" });
    }
  }
  const results = makeTestResults("prove", entries, whole ? "all" : "some");
  return results && { ...results, files };
}

/** Without the raw TAP only files have names. */
export function parseProveOutput(output: string): TestResults | null {
  const bad = readSummary(output);
  const states = new Map<string, TestEntry["state"]>();
  const total = /^Files=(\d+), Tests=\d+/m.exec(output)?.[1];
  if (total === undefined) return null;
  for (const raw of output.split("\n")) {
    const line = fileLine.exec(raw.slice(0, maxLineLength));
    if (!line?.[1]) continue;
    states.set(line[1], line[2] === "skipped" ? "skipped" : "passed");
  }
  for (const file of bad.keys()) states.set(file, "failed");
  const entries = [...states].map(([name, state]): TestEntry => ({ name, state }));
  const results = makeTestResults("prove", entries, states.size >= Number(total) ? "all" : "some");
  return results && { ...results, files: [...states.keys()] };
}

/** Files that ended badly, with the number of failed tests in each. */
function readSummary(output: string): Map<string, number> {
  const bad = new Map<string, number>();
  for (const raw of output.split("\n")) {
    const line = summaryLine.exec(raw.slice(0, maxLineLength));
    if (line?.[1]) bad.set(line[1], Number(line[2]));
  }
  return bad;
}
