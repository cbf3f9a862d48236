import { z } from "zod";
import type { TestResults } from "../../core/proof/verdict.ts";
import { makeTestResults, nameSeparator, nameWholeFile, type TestEntry } from "./test-list.ts";

/**
 * Parses the lines of Deputy's own reporters (runners/node-hook-source.ts): JSON for each test,
 * after a line that names the runner. A text may hold several such reports, when a check starts
 * several runners or processes. The list is whole when each report has its end.
 */
const lineSchema = z.union([
  z.object({ deputy: z.literal(1), runner: z.string().max(40) }),
  z.object({ end: z.literal(true) }),
  z.object({ begins: z.literal(true) }),
  z.object({
    file: z.string(),
    path: z.array(z.string()).max(100),
    state: z.enum(["passed", "failed", "skipped"]),
  }),
]);

const head = '{"deputy":1,"runner":"';

export function parseTestLines(text: string): TestResults | null {
  if (!text.startsWith(head) && !text.includes(`\n${head}`)) return null;
  const runners = new Set<string>();
  const files = new Set<string>();
  const entries: TestEntry[] = [];
  let open = false;
  let whole = true;
  for (const line of text.split("\n")) {
    const value = parseLine(line);
    if (value === null) continue;
    if ("deputy" in value) {
      whole &&= !open;
      open = true;
      runners.add(value.runner);
    } else if ("end" in value) {
      open = false;
    } else if ("state" in value) {
      if (value.file !== "") files.add(value.file);
      entries.push(readTest(value.file, value.path, value.state));
    }
  }
  const format = [...runners].join(" + ");
  const results = makeTestResults(format, entries, whole && !open ? "all" : "some");
  return results && { ...results, files: [...files] };
}

function readTest(file: string, path: readonly string[], state: TestEntry["state"]): TestEntry {
  if (path.length === 0) return { name: nameWholeFile(file), state };
  return { name: [file, ...path].filter((part) => part !== "").join(nameSeparator), state };
}

function parseLine(line: string): z.infer<typeof lineSchema> | null {
  if (!line.startsWith("{")) return null;
  try {
    return lineSchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null; // cut off in the middle of a line
  }
}
