import type { TestResults } from "../../core/proof/verdict.ts";
import { makeTestResults, type TestEntry } from "./test-list.ts";

/**
 * Parses tape output. Its assertions follow a comment with the test's name; a failing one fails the
 * test. The padded numbers of its summary tell it from other TAP. The plan comes last, so a run
 * that stopped early has none.
 */
const maxLines = 300_000;
const maxLineLength = 2_000;
const summary = /^# (?:tests|pass {2}|fail {2}|ok)(?: \d+)?$/;

export function parseTape(text: string): TestResults | null {
  if (!/^TAP version 13\r?$/m.test(text) || !/^# pass {2}\d+\r?$/m.test(text)) return null;
  const entries: TestEntry[] = [];
  let current: TestEntry | null = null;
  let points = 0;
  let whole = true;
  let open = false;
  for (const line of text.split(/\r?\n/, maxLines).map((each) => each.slice(0, maxLineLength))) {
    const [, planned] = /^1\.\.(\d+)$/.exec(line) ?? [];
    const [point, not] = /^(not )?ok \d+/.exec(line) ?? [];
    const [, comment] = /^# (.+)$/.exec(line) ?? [];
    if (line === "TAP version 13") {
      whole &&= !open;
      open = true;
      points = 0;
      current = null;
    } else if (planned !== undefined) {
      whole &&= Number(planned) === points;
      open = false;
      current = null;
    } else if (point !== undefined) {
      points++;
      if (current === null) {
        current = { name: "(no test)", state: "passed" };
        entries.push(current);
      }
      if (not && !/# (?:SKIP|TODO)\b/i.test(line)) current.state = "failed";
    } else if (comment !== undefined && open && !summary.test(line)) {
      const skipped = comment.startsWith("SKIP ");
      current = {
        name: skipped ? comment.slice(5) : comment,
        state: skipped ? "skipped" : "passed",
      };
      entries.push(current);
    }
  }
  return makeTestResults("tape", entries, whole && !open ? "all" : "some");
}
