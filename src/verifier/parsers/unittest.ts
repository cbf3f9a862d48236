import type { TestResults, TestState } from "../../core/proof/verdict.ts";
import { makeTestResults, nameWholeFile, type TestEntry } from "./test-list.ts";

/**
 * Parses the output of Python's unittest. With `-v` every test has a line; otherwise only failed
 * tests are named, above their tracebacks. Tests have Python's names: `module.Class.test`.
 */
const maxLineLength = 1_000;
const verboseLine = /^([\w.]+) \(([\w.<>]+)\)(?: \[.{0,200}\])?(?: \.\.\. (.*))?$/;
const headLine = /^(?:FAIL|ERROR): ([\w.]+) \(([\w.<>]+)\)/;
const statusLine = /(?:^|\s)(ok|FAIL|ERROR|expected failure|unexpected success|skipped .*)$/;
const ranLine = /^Ran (\d+) tests? in [\d.]+s/;

export function parseUnittest(text: string): TestResults | null {
  const lines = text.split(/\r?\n/).map((line) => line.slice(0, maxLineLength));
  const ran = lines.flatMap((line) => {
    const count = ranLine.exec(line)?.[1];
    return count === undefined ? [] : [Number(count)];
  });
  if (ran.length === 0) return null;
  const tests = new Map<string, TestState>();
  const broken = new Set<string>();
  let open: string | null = null;
  for (const line of lines) {
    const head = headLine.exec(line);
    if (head) {
      open = null;
      const [name, module] = nameOf(head[1] ?? "", head[2] ?? "");
      if (module) broken.add(module);
      else tests.set(name, "failed");
      continue;
    }
    const begun = verboseLine.exec(line);
    if (begun) {
      const [name, module] = nameOf(begun[1] ?? "", begun[2] ?? "");
      open = module ? null : name;
    }
    const status = open === null ? null : stateOf(statusLine.exec(line)?.[1]);
    if (open === null || status === null) continue;
    if (tests.get(open) !== "failed") tests.set(open, status);
    open = null;
  }
  const planned = ran.reduce((sum, count) => sum + count, 0);
  const entries = [...tests].map(([name, state]): TestEntry => ({ name, state }));
  for (const module of broken) entries.push({ name: nameWholeFile(module), state: "failed" });
  // "Ran 0 tests": the list is whole and empty.
  const isListed = tests.size + broken.size >= planned;
  return makeTestResults("unittest", entries, isListed ? "all" : "failures");
}

/** Python 3.11+ repeats the test's name in brackets. An unloaded module is a "test" of its own. */
function nameOf(test: string, place: string): [name: string, broken: string | null] {
  if (place.startsWith("unittest.loader._FailedTest")) {
    const module = place.split("_FailedTest.")[1];
    return ["", module ?? test];
  }
  return [place.endsWith(`.${test}`) ? place : `${place}.${test}`, null];
}

function stateOf(word: string | undefined): TestState | null {
  if (word === undefined) return null;
  if (word === "ok") return "passed";
  if (word === "FAIL" || word === "ERROR" || word === "unexpected success") return "failed";
  return "skipped";
}
