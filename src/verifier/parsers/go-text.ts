import type { TestResults, TestState } from "../../core/proof/verdict.ts";
import { makeTestResults, nameSeparator, nameWholeFile, type TestEntry } from "./test-list.ts";

/**
 * Parses the output of `go test` for people. With `-v` each test has a first and a last line, and
 * the package is named below them; otherwise only failing tests have a line. Names are those of
 * `-json`.
 */
const maxLineLength = 2_000;
const maxLines = 500_000;
const endLine = /--- (PASS|FAIL|SKIP): (\S+) \([\d.]+s\)$/;
const packageLine = /^(ok|FAIL|---|\?)\s+(\S+)(?:\s+(\(cached\)|[\d.]+s|\[[^\]]*\]))?/;
const states: Readonly<Record<string, TestState>> = {
  PASS: "passed",
  FAIL: "failed",
  SKIP: "skipped",
};

type Open = Map<string, TestState | "running">;

export function parseGoText(text: string): TestResults | null {
  if (!/^(?:ok|FAIL|\?)[ \t]+\S+[ \t]+(?:\(cached\)|[\d.]+s|\[)/m.test(text)) return null;
  const entries: TestEntry[] = [];
  let tests: Open = new Map();
  let isVerbose = false;
  for (const raw of text.split("\n", maxLines)) {
    const line = raw.slice(0, maxLineLength).trimEnd();
    const begun = /^=== RUN\s+(\S+)$/.exec(line)?.[1];
    if (begun !== undefined) {
      isVerbose = true;
      tests.set(begun, "running");
      continue;
    }
    const end = endLine.exec(line);
    if (end?.[2] !== undefined) {
      tests.set(end[2], states[end[1] ?? ""] ?? "failed");
      continue;
    }
    const done = packageLine.exec(line);
    if (!done?.[2] || done[3] === undefined || done[1] === "---") continue;
    entries.push(...listPackage(done[2], done[1] === "FAIL", tests));
    tests = new Map();
  }
  // Tests without a package line below belong to a package that never ended.
  const whole = isVerbose && tests.size === 0;
  if (tests.size > 0) entries.push(...listPackage("(no package)", true, tests));
  return makeTestResults("go test", entries, whole ? "all" : isVerbose ? "some" : "failures");
}

/** A failing test's parents did not fail themselves. Any other failing package did not build. */
function listPackage(name: string, isFailed: boolean, tests: Open): TestEntry[] {
  const failed = [...tests].filter(([, state]) => state === "failed" || state === "running");
  const parents = new Set(
    failed.flatMap(([test]) => {
      const parts = test.split("/");
      return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
    }),
  );
  const entries = [...tests].map(
    ([test, state]): TestEntry => ({
      name: name + nameSeparator + test,
      state: parents.has(test) ? "passed" : state === "running" ? "failed" : state,
    }),
  );
  if (isFailed && failed.length === 0) entries.push({ name: nameWholeFile(name), state: "failed" });
  return entries;
}
