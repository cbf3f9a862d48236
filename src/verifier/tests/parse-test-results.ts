import type { TestResults } from "../../core/proof/verdict.ts";
import { parseGoJson } from "../parsers/go-json.ts";
import { parseJunit } from "../parsers/junit.ts";
import { parsePytest } from "../parsers/pytest.ts";
import { parseRunLines } from "../parsers/run-lines.ts";
import { parseTap } from "../parsers/tap.ts";
import { parseTape } from "../parsers/tape.ts";
import { parseTestLines } from "../parsers/test-lines.ts";
import { maxParsedLength } from "../parsers/test-list.ts";
import { parseVitestJson } from "../parsers/vitest-json.ts";

/**
 * Parses what a test runner printed or wrote into tests by name. The format is recognized from the
 * text; each parser returns null for a foreign format. The text comes from untrusted code, so the
 * answer is always a list or null, never an exception.
 */
const parsers: readonly ((text: string) => TestResults | null)[] = [
  parseTestLines,
  parseRunLines,
  parseGoJson,
  parseVitestJson,
  parseJunit,
  parseTape,
  parseTap,
  parsePytest,
];

/**
 * Finds the tests in `text`. `root` is the run's folder, which is removed from names. `cut` says
 * that part of the text is missing, so no list from it is whole.
 */
export function parseTestResults(text: string, root: string, cut = false): TestResults | null {
  if (text.length > maxParsedLength) return null;
  // Two runs happen in two folders, but the tests are the same.
  const plain = stripColours(text).replaceAll(`${root}/`, "");
  for (const parse of parsers) {
    try {
      const results = parse(plain);
      if (results) return cut ? { ...results, listed: "some" } : results;
    } catch {
      // Text that breaks a parser counts as text without a list of tests.
    }
  }
  return null;
}

function stripColours(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts a colour
  return text.includes("\u001b[") ? text.replace(/\u001b\[[0-9;]*m/g, "") : text;
}
