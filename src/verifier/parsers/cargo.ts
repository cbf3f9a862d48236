import type { TestResults, TestState } from "../../core/proof/verdict.ts";
import { makeTestResults, nameWholeFile, type TestEntry } from "./test-list.ts";

/**
 * Parses the output of `cargo test` and `cargo nextest`: one section for each test binary, which
 * announces its number of tests and ends with a result. A section without its result was cut off.
 * The list is not whole when cargo stopped at the first failing binary.
 */
const maxLineLength = 2_000;
const maxLines = 500_000;
const beginLine = /^running (\d+) tests?$/;
const testLine = /^test (.+?) \.\.\. ?(.*)$/;
const status = /^(?:.*\s)?(ok|FAILED|ignored|bench:)(?:,? .*)?$/;
const nextestLine =
  /^\s*(PASS|FAIL|SKIP|TIMEOUT|ABORT|SIG[A-Z]+|LEAK)\s+\[[^\]\n]{1,40}\]\s+(?:\([^)\n]{1,40}\)\s+)?(\S+)\s+(\S.*)$/;
const brokenLine = /^error: could not compile `([^`]+)`(?: \(([^)]+)\))?/;
const crashLine = /^\s*process didn't exit successfully: `([^`]*)`/;

export function parseCargo(text: string): TestResults | null {
  const lines = text.split("\n", maxLines).map((line) => line.slice(0, maxLineLength).trimEnd());
  const section = { planned: 0, begun: 0, ended: 0, seen: 0 };
  const tests: TestEntry[] = [];
  const failing: string[] = [];
  const broken = new Set<string>();
  let open: string | null = null;
  let inFailures = false;
  let stopped = false;
  let isCargo = false;
  for (const line of lines) {
    const begun = beginLine.exec(line)?.[1];
    if (begun !== undefined) {
      section.begun++;
      section.planned += Number(begun);
      open = null;
      continue;
    }
    if (/^test result: /.test(line)) {
      section.ended++;
      inFailures = false;
      isCargo = true;
      continue;
    }
    const compile = brokenLine.exec(line);
    if (compile) broken.add(compile[2] ? `${compile[1]} (${compile[2]})` : (compile[1] ?? ""));
    const crash = crashLine.exec(line);
    // A binary with failing tests exits with 101; cargo reports it only for one without a harness.
    if (crash?.[1] !== undefined) broken.add(nameBinary(crash[1]));
    if (/^error: test failed, to rerun pass/.test(line)) stopped = true;
    if (/^error: \d+ targets? failed:/.test(line)) stopped = false;
    if (line === "failures:") inFailures = true;
    if (inFailures && /^ {4}\S/.test(line)) failing.push(plainName(line.trim()));
    const next = nextestLine.exec(line);
    if (next) {
      isCargo = true;
      tests.push({ name: `${next[2]} ${next[3]}`, state: nextestState(next[1]) });
      continue;
    }
    const test = testLine.exec(line);
    if (test) open = plainName(test[1] ?? "");
    if (open === null) continue;
    const word = status.exec(test ? (test[2] ?? "") : line)?.[1];
    if (word === undefined) continue;
    section.seen++;
    tests.push({ name: open, state: stateOf(word) });
    open = null;
  }
  if (!isCargo && broken.size === 0 && section.begun === 0) return null;
  if (section.begun > section.ended && broken.size === 0) broken.add("a test binary");
  const entries = [...tests];
  const isListed = section.seen >= section.planned;
  if (!isListed) {
    const known = new Set(tests.map(({ name }) => name));
    for (const name of failing) if (!known.has(name)) entries.push({ name, state: "failed" });
  }
  for (const name of broken) entries.push({ name: nameWholeFile(name), state: "failed" });
  const isWhole = section.begun === section.ended && broken.size === 0 && !stopped;
  // Where nothing ran to its end, the absence of failures says nothing.
  const isSilent = entries.length === 0 && section.planned === 0;
  const listed = isWhole ? (isListed ? "all" : "failures") : "some";
  return makeTestResults("cargo test", entries, isSilent && !isWhole ? "some" : listed);
}

/** Drops what is not part of the identity: a doc test's line and its expected end. */
function plainName(name: string): string {
  return name
    .replace(/ - (?:should panic|compile fail|compile)$/, "")
    .replace(/ \(line \d+\)$/, "");
}

/** `target/debug/deps/shop-507999230d6984fa --quiet` is shop. */
function nameBinary(command: string): string {
  const [program = ""] = command.split(" ");
  return program.slice(program.lastIndexOf("/") + 1).replace(/-[0-9a-f]{16}$/, "");
}

function stateOf(word: string): TestState {
  if (word === "FAILED") return "failed";
  return word === "ignored" ? "skipped" : "passed";
}

function nextestState(word: string | undefined): TestState {
  if (word === "PASS" || word === "LEAK") return "passed";
  return word === "SKIP" ? "skipped" : "failed";
}
