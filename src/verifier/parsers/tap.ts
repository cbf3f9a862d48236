import { type FinalResults, Parser, type Result } from "tap-parser";
import type { TestResults } from "../../core/proof/verdict.ts";
import { makeTestResults, nameSeparator, nameWholeFile, type TestEntry } from "./test-list.ts";

const maxLines = 300_000;
const maxLineLength = 2_000;
const maxIndent = 100;

/**
 * Parses TAP 13 and 14 with subtests, as node:test, tap, vitest and ava print it. A test's name
 * includes its parent tests. A test with subtests is an entry too, but fails only for a failure of
 * its own, so that one failing test has one name. The list is whole only when each document's plan
 * was printed and met.
 */
export function parseTap(text: string): TestResults | null {
  if (!/^((not )?ok\b|1\.\.0\b)/m.test(text)) return null;
  if (!/^(TAP version 1[34]|1\.\.\d+)/m.test(text)) return null;
  const entries: TestEntry[] = [];
  let whole = true;
  for (const document of splitDocuments(text)) {
    const tame = tameLines(document);
    if (tame === null) return null;
    const parsed = parseDocument(tame);
    for (const entry of parsed.entries) entries.push(entry);
    whole &&= parsed.whole;
  }
  return makeTestResults("tap", entries, whole ? "all" : "some");
}

/** Workspaces print one document each. Text before the first header is not TAP. */
function splitDocuments(text: string): string[] {
  const parts = text.split(/^(?=TAP version 1[34]\r?$)/m);
  const headed = parts.filter((part) => part.startsWith("TAP version"));
  return headed.length > 0 ? headed : parts;
}

/** The parser's time grows quadratically with depth, so deeper or longer input is dropped. */
function tameLines(text: string): string | null {
  const lines = text.split("\n");
  if (lines.length > maxLines) return null;
  return lines
    .filter((line) => !line.startsWith(" ".repeat(maxIndent)))
    .map((line) => line.slice(0, maxLineLength))
    .join("\n");
}

function parseDocument(text: string): { entries: TestEntry[]; whole: boolean } {
  let final: FinalResults | null = null;
  const parser = new Parser((results) => {
    final = results;
  });
  const entries = collectEntries(parser);
  parser.end(text);
  const results = final as FinalResults | null;
  const planned = parser.planEnd - parser.planStart + 1;
  const whole =
    results !== null &&
    results.bailout === false &&
    !parser.syntheticPlan &&
    parser.planEnd >= 0 &&
    results.count === planned;
  return { entries, whole };
}

/** Returns the entries of this level, filled while the parser runs; lower ones get its name. */
function collectEntries(parser: Parser): TestEntry[] {
  const entries: TestEntry[] = [];
  let below: TestEntry[] | null = null;
  parser.on("child", (child: Parser) => {
    below = collectEntries(child);
  });
  parser.on("assert", (result: Result) => {
    const inner = below;
    below = null;
    entries.push(...readPoint(result, inner ?? [], parser.level === 0));
  });
  return entries;
}

function readPoint(result: Result, inner: TestEntry[], isTop: boolean): TestEntry[] {
  const name = result.name;
  const isFile = isTop && /^\S+\.[cm]?[jt]sx?$/.test(name);
  const skipped = Boolean(result.skip) || Boolean(result.todo);
  if (inner.length === 0) {
    const state = skipped ? "skipped" : result.ok ? "passed" : "failed";
    return [{ name: isFile ? nameWholeFile(name) : name, state }];
  }
  const ownFailure = !result.ok && !skipped && !inner.some(({ state }) => state === "failed");
  const below = inner.map((entry) => ({
    ...entry,
    name: name === "" ? entry.name : name + nameSeparator + entry.name,
  }));
  if (isFile && !ownFailure) return below;
  return [
    { name, state: skipped ? "skipped" : ownFailure ? "failed" : ("passed" as const) },
    ...below,
  ];
}
