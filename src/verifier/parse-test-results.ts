import type { TestResults } from "../core/verdict.ts";
import { parseGoJson } from "./parsers/go-json.ts";
import { parseJunit } from "./parsers/junit.ts";
import { parsePytest } from "./parsers/pytest.ts";
import { parseRunLines } from "./parsers/run-lines.ts";
import { parseTap } from "./parsers/tap.ts";
import { parseTape } from "./parsers/tape.ts";
import { parseTestLines } from "./parsers/test-lines.ts";
import { maxParsedLength } from "./parsers/test-list.ts";
import { parseVitestJson } from "./parsers/vitest-json.ts";

/**
 * Turns what a test runner printed or wrote into tests by name. The format is recognised from the
 * text; each parser says null for what is not its own. The text comes from code that nobody has
 * judged yet: whatever is in it, the answer is a list or null, never an exception.
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
 * Find the tests in `text`. `root` is the folder of the run, which names must not contain. With
 * `cut`, a part of the text is missing, so that no list from it is whole.
 */
export function parseTestResults(text: string, root: string, cut = false): TestResults | null {
  if (text.length > maxParsedLength) return null;
  // Two runs happen in two folders; the tests are the same ones.
  const plain = stripColours(text).replaceAll(`${root}/`, "");
  for (const parse of parsers) {
    try {
      const results = parse(plain);
      if (results) return cut ? { ...results, listed: "some" } : results;
    } catch {
      // Text made to break a parser is text without a list of tests.
    }
  }
  return null;
}

function stripColours(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts a colour
  return text.includes("\u001b[") ? text.replace(/\u001b\[[0-9;]*m/g, "") : text;
}
