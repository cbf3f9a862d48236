import type { JudgeChange, Verdict } from "../core/verdict.ts";
import { listSome } from "./list-some.ts";

/**
 * A verdict on a change that touched its judges. Pure. What nobody accepted holds it: it does not pass,
 * though nothing of it failed.
 */
export function concludeJudges(verdict: Verdict, judges: readonly JudgeChange[]): Verdict {
  const open = judges.filter(({ accepted }) => accepted === null);
  if (verdict.result !== "pass" || open.length === 0) return verdict;
  const said = open.map(({ path, weaker }) => (weaker === null ? path : `${path} (${weaker})`));
  return {
    ...verdict,
    result: "fail",
    summary: `${verdict.summary}, but the change edits what judges it, and nobody said that it may: ${listSome(said)}`,
  };
}
