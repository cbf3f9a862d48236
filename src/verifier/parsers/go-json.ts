import { z } from "zod";
import type { TestResults, TestState } from "../../core/proof/verdict.ts";
import { makeTestResults, nameSeparator, nameWholeFile, type TestEntry } from "./test-list.ts";

/**
 * Parses `go test -json`: one event a line. A test that started and never ended was cut off by a
 * panic or an exit, which is a failure. A package that fails without a failing test (it does not
 * build) is an entry of its own.
 */
const eventSchema = z.object({
  Action: z.string(),
  Package: z.string().optional(),
  Test: z.string().optional(),
});

type Package = { tests: Map<string, TestState | "running">; end: string | null };

export function parseGoJson(text: string): TestResults | null {
  if (!/^\{.*"Action":/m.test(text)) return null;
  const packages = new Map<string, Package>();
  for (const line of text.split("\n")) {
    const event = parseEvent(line);
    if (event?.Package === undefined) continue;
    const entry = packages.get(event.Package) ?? { tests: new Map(), end: null };
    packages.set(event.Package, entry);
    const state = readAction(event.Action);
    if (event.Test !== undefined) {
      if (state) entry.tests.set(event.Test, state);
    } else if (state && state !== "running") {
      entry.end = event.Action;
    }
  }
  const entries = [...packages].flatMap(([name, entry]) => listPackage(name, entry));
  const whole = [...packages.values()].every(({ end }) => end !== null);
  return makeTestResults("go-json", entries, whole ? "all" : "some");
}

function listPackage(name: string, { tests, end }: Package): TestEntry[] {
  const failed = [...tests].filter(([, state]) => state === "failed" || state === "running");
  const withFailedSubtest = new Set(
    failed.flatMap(([test]) => {
      const parts = test.split("/");
      return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
    }),
  );
  const entries = [...tests].map(
    ([test, state]): TestEntry => ({
      name: name + nameSeparator + test,
      state: withFailedSubtest.has(test) ? "passed" : state === "running" ? "failed" : state,
    }),
  );
  if (end === "fail" && failed.length === 0) {
    entries.push({ name: nameWholeFile(name), state: "failed" });
  }
  return entries;
}

function readAction(action: string): TestState | "running" | null {
  if (action === "pass") return "passed";
  if (action === "fail") return "failed";
  if (action === "skip") return "skipped";
  return action === "run" ? "running" : null;
}

function parseEvent(line: string): z.infer<typeof eventSchema> | null {
  if (!line.startsWith("{")) return null;
  try {
    return eventSchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null; // test output between the events
  }
}
