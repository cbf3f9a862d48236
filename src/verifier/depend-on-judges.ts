import type { CheckResult, CheckRun } from "../core/verdict.ts";
import { failingOf } from "./judge-check.ts";

/**
 * The tests of the base that pass with the change's judges and fail with those of the base: they pass
 * because a judge was changed, whatever the source does. None where the base's judges did not come to any
 * test. Null where the check names no test at all, and only the exit codes tell. Pure.
 */
export function dependOnJudges(
  { baseline, rerun, run }: Pick<CheckResult, "baseline" | "rerun" | "run">,
  oldJudges: CheckRun,
): string[] | null {
  const { status, tests: now } = rerun ?? run;
  if (!now) return status === "green" && oldJudges.status === "red" ? null : [];
  if (!oldJudges.tests) return [];
  const failsNow = new Set(failingOf(rerun ?? run));
  const known = baseline?.tests?.tests ?? {};
  return failingOf(oldJudges).filter((name) => Object.hasOwn(known, name) && !failsNow.has(name));
}
