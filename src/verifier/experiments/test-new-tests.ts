import type { CheckRun, Experiment } from "../../core/proof/verdict.ts";
import { listSome } from "../change/list-some.ts";
import { compareTests } from "../tests/compare-tests.ts";
import type { Rename } from "../tests/rename-tests.ts";
import type { TriedCheck } from "./tried-check.ts";

/**
 * Tells whether new tests watch the work. A test that fails on the base's source and passes on the
 * change's does. One that passes on both does not, which is noted and is no fault. Pure.
 */
export type NewTests = {
  /** Fail, or cannot be loaded, without the change's source. */
  shown: string[];
  /** Pass without it too. */
  idle: string[];
  experiment: Experiment;
  notes: string[];
};

/** Null when there are no new tests by name, or they did not run on the base's source. */
export function testNewTests(tried: TriedCheck, renames: readonly Rename[]): NewTests | null {
  const { base, change, check, oldSource } = tried;
  if (!base?.tests || !change.tests || !oldSource) return null;
  const { newPassing } = compareTests(base.tests, change.tests, renames);
  if (newPassing.length === 0) return null;
  const { run, tree } = oldSource;
  const states = newPassing.map((name) => [name, stateIn(run, name)] as const);
  const shown = states.flatMap(([name, state]) => (state === "fails" ? [name] : []));
  const idle = states.flatMap(([name, state]) => (state === "passes" ? [name] : []));
  return {
    shown,
    idle,
    experiment: {
      kind: "old_source",
      check: check.name,
      command: check.command,
      tree,
      result: shown.length > 0 ? "shown" : "open",
      says: describe(newPassing.length, shown, idle, run),
      durationMs: run.durationMs,
    },
    notes:
      idle.length === 0
        ? []
        : [
            `${count(idle.length, "new test passes", "new tests pass")} without the change too, so that ${idle.length === 1 ? "it does" : "they do"} not show its effect: ${listSome(idle)}.`,
          ],
  };
}

function stateIn(run: CheckRun, name: string): "fails" | "passes" | "unknown" {
  const isThere = run.tests && Object.hasOwn(run.tests.tests, name);
  const state = isThere ? run.tests?.tests[name] : undefined;
  if (state === "failed") return "fails";
  if (state === "passed") return run.status === "inconclusive" ? "unknown" : "passes";
  if (state === "skipped" || run.status !== "red") return "unknown";
  // Missing from a list of failures alone: it passed. From any other list of a red run: not loaded.
  return run.tests?.listed === "failures" ? "passes" : "fails";
}

function describe(all: number, shown: string[], idle: string[], run: CheckRun): string {
  const where = "with the base's source and the change's tests";
  if (shown.length === all)
    return `${count(all, "new test fails", "new tests fail")} ${where}, and ${all === 1 ? "passes" : "pass"} with the change.`;
  if (shown.length > 0)
    return `${shown.length} of ${all} new tests fail ${where}, and pass with the change.`;
  if (idle.length > 0)
    return `${count(idle.length, "new test passes", "new tests pass")} ${where} too.`;
  return `What ${count(all, "new test says", "new tests say")} ${where} is not known: ${run.detail}.`;
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
