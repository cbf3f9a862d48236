import type { TestResults } from "../../core/proof/verdict.ts";
import { makeTestResults, nameSeparator, nameWholeFile, type TestEntry } from "./test-list.ts";

/**
 * Parses the output of Maven's Surefire and Gradle where they left no report: the failed tests and
 * compilation failures.
 */
const maxLineLength = 1_000;
const surefireLine =
  /^\[ERROR\]\s+(?:([\w.$]+)\.)?(\w[^\s(]*)(?:\(([\w.$]+)\))?\s+(?:--\s+)?Time elapsed: [^<]{1,60}<<< (?:FAILURE|ERROR)!/;
const gradleLine = /^(\S+) > (.{1,300}) FAILED$/;

export function parseSurefire(output: string): TestResults | null {
  const entries: TestEntry[] = [];
  let ran = 0;
  let isRun = false;
  for (const raw of output.split("\n")) {
    const line = raw.slice(0, maxLineLength).trimEnd();
    const counts = /^\[[A-Z]+\]\s+Tests run: (\d+), Failures: \d+/.exec(line)?.[1];
    if (counts !== undefined) ran += Number(counts);
    isRun ||= counts !== undefined || /^> Task \S*:test\b/.test(line);
    const test = surefireLine.exec(line);
    if (test) {
      const suite = test[1] ?? test[3] ?? "";
      entries.push({ name: suite + nameSeparator + (test[2] ?? ""), state: "failed" });
    }
    const other = gradleLine.exec(line);
    if (other) {
      entries.push({ name: `${other[1]}${nameSeparator}${other[2]}`, state: "failed" });
      isRun = true;
    }
    if (/COMPILATION ERROR|^> Task \S+ FAILED|Compilation failed; see the compiler/.test(line)) {
      const task = /Task (\S*:compile\S+) FAILED/.exec(line)?.[1];
      if (task !== undefined || line.includes("COMPILATION ERROR")) {
        entries.push({ name: nameWholeFile(task ?? "the build"), state: "failed" });
      }
    }
  }
  if (entries.length === 0 && (!isRun || ran === 0)) return null;
  const isCut = entries.some(({ name }) => name.endsWith("(whole file)"));
  return makeTestResults("surefire", entries, isCut ? "some" : "failures");
}
