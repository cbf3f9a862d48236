import type { CheckResult, Experiment, Finding } from "../../core/proof/verdict.ts";
import type { VerifyInput } from "../checks/verify-attempt.ts";
import { namesTests } from "../tests/compare-tests.ts";
import type { Trials } from "./trials.ts";
import {
  type CanaryAnswer,
  describeCanary,
  discountPrinted,
  tryCanaries,
  weighCanary,
} from "./try-canaries.ts";

/**
 * Judges checks by canaries, tests that must fail. Where a check does not report them on the
 * change, they also run on the base: a check that reported them there was silenced by the change,
 * which blocks. A check that is red as before and names no test on either side, not even the
 * canaries, runs no test; its result is inconclusive.
 */
export type CanariesJudged = {
  experiments: Experiment[];
  findings: Finding[];
  notChecked: string[];
  /** All results; checks that run no test are inconclusive. */
  results: CheckResult[];
};

type Heard = {
  canaries: ReadonlyMap<string, CanaryAnswer>;
  results: readonly CheckResult[];
  trials: Trials;
};

export async function judgeCanaries(
  input: VerifyInput,
  { canaries, results, trials }: Heard,
): Promise<CanariesJudged> {
  const judged: CanariesJudged = { experiments: [], findings: [], notChecked: [], results: [] };
  const isPassing = ({ result, run }: CheckResult) => result === "pass" || run.status === "green";
  const silent = results
    .filter((result) => isPassing(result) && canaries.get(result.check.name)?.bites === false)
    .map(({ check }) => check);
  const { baseCommit, mirror } = input;
  const place = { baseCommit, mirror, trials, checks: silent, onBase: testsOnBase(input) };
  const onBase =
    silent.length > 0
      ? await tryCanaries({ ...place, changedTests: [] }, baseCommit, "canary-base")
      : new Map<string, CanaryAnswer>();
  for (const result of results) {
    const { baseline, check, rerun, run } = result;
    const found = isPassing(result) ? canaries.get(check.name) : undefined;
    if (!found) {
      judged.results.push(result);
      continue;
    }
    const last = rerun ?? run;
    const base = onBase.get(check.name);
    const { isSilenced, ...answer } = weighCanary(
      discountPrinted(found, last),
      base && discountPrinted(base, baseline),
    );
    if (answer.tree !== "") judged.experiments.push(describeCanary(check, answer, isSilenced));
    if (isSilenced) {
      judged.findings.push({
        rule: "check_silenced",
        blocking: true,
        message: `\`${check.name}\` says nothing any more: ${answer.says}, and on the base it names them`,
        paths: [],
      });
    } else if (answer.bites !== true) {
      judged.notChecked.push(`Whether \`${check.name}\` still notices a fault: ${answer.says}.`);
    }
    const runsNone = last.status === "red" && !namesTests(last.tests);
    judged.results.push(runsNone && isDeaf(answer) && isDeaf(base) ? asBlind(result) : result);
  }
  return judged;
}

/** Whether canaries of a known runner were placed and none of them was named. */
function isDeaf(answer: CanaryAnswer | undefined): boolean {
  return (
    answer?.bites === false && answer.heard.length === 0 && answer.silent.some((n) => n !== "*")
  );
}

function asBlind(result: CheckResult): CheckResult {
  const reason = `${result.reason}, and it runs no test: it names none, not even those that were added to fail`;
  return { ...result, result: "inconclusive", reason };
}

/** The tests that each check reported on the base, by check name. */
export function testsOnBase({ baseline, checks }: Pick<VerifyInput, "baseline" | "checks">) {
  return new Map(
    checks.map(({ name }) => [
      name,
      baseline && Object.hasOwn(baseline.runs, name) ? (baseline.runs[name]?.tests ?? null) : null,
    ]),
  );
}
