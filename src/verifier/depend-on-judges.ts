import type { CheckResult, CheckRun } from "../core/verdict.ts";
import { failingOf } from "./judge-check.ts";

/**
 * The tests of the base that pass with the change's judges and fail with those of the base: they pass
 * because a judge was changed, whatever the source does. Null where no test is named, and only the exit
 * codes tell. Pure.
 */
export function dependOnJudges(
  { baseline, rerun, run }: Pick<CheckResult, "baseline" | "rerun" | "run">,
  oldJudges: CheckRun,
): string[] | null {
  const { status, tests: now } = rerun ?? run;
  if (!now || !oldJudges.tests) return status === "green" && oldJudges.status === "red" ? null : [];
  const failsNow = new Set(failingOf(rerun ?? run));
  const known = baseline?.tests?.tests ?? {};
  return failingOf(oldJudges).filter((name) => Object.hasOwn(known, name) && !failsNow.has(name));
}
