import { z } from "zod";
import type { TestResults, TestState } from "../../core/proof/verdict.ts";
import { makeTestResults, nameWholeFile, type TestEntry } from "./test-list.ts";

/**
 * Parses the lines of Deputy's own reporters (`runners/python-reporter.ts`): one JSON object a
 * line, of one or several runs in one file. A test that started and never ended was cut off by an
 * exit or a crash, which is a failure. A run without an end stopped early, so its list is not
 * whole.
 */
const lineSchema = z.object({
  run: z.string(),
  runner: z.string(),
  test: z.string().optional(),
  state: z.enum(["passed", "failed", "skipped", "running"]).optional(),
  file: z.string().nullish(),
  broken: z.string().optional(),
  begin: z.boolean().optional(),
  end: z.boolean().optional(),
});
type Line = z.infer<typeof lineSchema>;

type Run = {
  /** One entry for every start of a test, because the same name may come twice. */
  tests: { name: string; state: TestState | "running" }[];
  open: Map<string, number>;
  broken: string[];
  ended: boolean;
  whole: boolean;
};

export function parseRunLines(text: string): TestResults | null {
  if (!/^\{.*"run": ?"/m.test(text)) return null;
  const runs = new Map<string, Run>();
  const files = new Set<string>();
  let runner: string | null = null;
  for (const raw of text.split("\n")) {
    const line = parseLine(raw);
    if (!line) continue;
    runner = line.runner;
    if (line.file) files.add(line.file);
    const run = runs.get(line.run) ?? newRun();
    runs.set(line.run, run);
    readLine(run, line);
  }
  if (runner === null) return null;
  const format = runner.slice(0, 40);
  const all = [...runs.values()];
  const entries = all.flatMap((run) => listRun(run, format));
  const whole = all.every((run) => run.ended && run.whole);
  const results = makeTestResults(format, entries, whole ? "all" : "some");
  return results && files.size > 0 ? { ...results, files: [...files].slice(0, 10_000) } : results;
}

function newRun(): Run {
  return { tests: [], open: new Map(), broken: [], ended: true, whole: true };
}

function readLine(run: Run, line: Line): void {
  if (line.begin) run.ended = false;
  if (line.broken !== undefined) run.broken.push(line.broken);
  if (line.test !== undefined && line.state !== undefined) readTest(run, line.test, line.state);
  if (line.end !== undefined) {
    run.ended = true;
    run.whole &&= line.end;
  }
}

function readTest(run: Run, name: string, state: TestState | "running"): void {
  const at = run.open.get(name);
  if (state === "running") {
    run.open.set(name, run.tests.push({ name, state }) - 1);
  } else if (at === undefined) {
    run.tests.push({ name, state });
  } else {
    run.tests[at] = { name, state };
    run.open.delete(name);
  }
}

/** A run cut off between two tests has no failing test, but it failed. */
function listRun(run: Run, format: string): TestEntry[] {
  const entries: TestEntry[] = run.tests.map(({ name, state }) => ({
    name,
    state: state === "running" ? "failed" : state,
  }));
  for (const path of run.broken) entries.push({ name: nameWholeFile(path), state: "failed" });
  if (!run.ended) entries.push({ name: nameWholeFile(`${format}: the run`), state: "failed" });
  return entries;
}

function parseLine(line: string): Line | null {
  if (!line.startsWith("{")) return null;
  try {
    return lineSchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null; // cut off in the middle of a line
  }
}
