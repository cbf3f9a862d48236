import type { JudgeChange, Verdict } from "../../core/proof/verdict.ts";
import { listSome } from "../change/list-some.ts";

/**
 * Concludes a verdict on a change that touched its judges. Pure. A judge file that nobody accepted
 * turns a pass into a fail, although no check failed.
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
