import type { CheckResult, CheckRun } from "../../core/proof/verdict.ts";
import { failingOf } from "../checks/judge-check.ts";

/**
 * Returns the base's tests that pass with the change's judges and fail with the base's: they pass
 * because a judge changed, whatever the source does. Empty where the base's judges ran no test.
 * Null where the check names no tests and only the exit codes tell. Pure.
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
