import type { TestResults } from "../../core/proof/verdict.ts";
import { makeTestResults } from "./test-list.ts";

/** Merges the reports of one run; whole when each of them is. Null without any. */
export function mergeResults(reports: readonly TestResults[]): TestResults | null {
  const [first, ...others] = reports;
  if (first === undefined || others.length === 0) return first ?? null;
  const formats = [...new Set(reports.map(({ format }) => format))];
  const entries = reports.flatMap(({ tests }) =>
    Object.entries(tests).map(([name, state]) => ({ name, state })),
  );
  const listed = reports.every((each) => each.listed === "all")
    ? "all"
    : reports.every((each) => each.listed !== "some")
      ? "failures"
      : "some";
  const files = [...new Set(reports.flatMap((each) => each.files ?? []))];
  const merged = makeTestResults(formats.join(" + "), entries, listed);
  return merged && (files.length > 0 ? { ...merged, files } : merged);
}
