import { z } from "zod";
import type { TestResults, TestState } from "../../core/proof/verdict.ts";
import { makeTestResults, nameSeparator, nameWholeFile, type TestEntry } from "./test-list.ts";

/** The JSON report of vitest and jest: one object, with `testResults` by file. */
const reportSchema = z.object({
  numTotalTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string().optional(),
      assertionResults: z.array(
        z.object({
          ancestorTitles: z.array(z.string()).optional(),
          title: z.string(),
          status: z.string(),
        }),
      ),
    }),
  ),
});

export function parseVitestJson(text: string): TestResults | null {
  if (!text.includes('"testResults"')) return null;
  const report = reportSchema.safeParse(parseObject(text));
  if (!report.success) return null;
  const entries: TestEntry[] = [];
  let tests = 0;
  for (const file of report.data.testResults) {
    const path = file.name;
    for (const { ancestorTitles = [], title, status } of file.assertionResults) {
      tests++;
      entries.push({
        name: [path, ...ancestorTitles, title].join(nameSeparator),
        state: readState(status),
      });
    }
    const anyFailed = file.assertionResults.some(({ status }) => status === "failed");
    if (file.status === "failed" && !anyFailed) {
      entries.push({ name: nameWholeFile(path), state: "failed" });
    }
  }
  const whole = tests >= report.data.numTotalTests;
  return makeTestResults("vitest-json", entries, whole ? "all" : "some");
}

function readState(status: string): TestState {
  if (status === "passed") return "passed";
  return status === "failed" ? "failed" : "skipped"; // pending, todo, skipped, disabled
}

/** A package manager may print lines before and after the report. */
function parseObject(text: string): unknown {
  const start = /^[ \t]*\{/m.exec(text)?.index;
  const end = text.lastIndexOf("}");
  if (start === undefined || end < start) return null;
  try {
    return JSON.parse(text.slice(start, end + 1));
  } catch {
    return null; // cut or mixed with other output: no list
  }
}
