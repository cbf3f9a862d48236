import type { CheckResult, CheckRun, Finding } from "../core/verdict.ts";
import type { Mirror } from "../worktree/open-mirror.ts";
import { checkLogPath } from "./clean-worktree.ts";
import { describeWeakened, findWeakened, type TestContext } from "./judge-tests.ts";
import { restoreFiles } from "./restore-files.ts";
import { type CheckPlace, runCheck } from "./run-checks.ts";

/**
 * Green because the work is right, or because the tests were edited? Where a change altered or
 * deleted existing test files, what passes is run once more with the base's versions of them, in
 * the same worktree. What fails then passes by the edit alone. A red answer is asked for twice, as
 * everywhere; an answer that does not come makes the check inconclusive.
 */
export type OriginalsInput = {
  mirror: Mirror;
  baseCommit: string;
  logRoot: string;
  onCheck: (result: CheckResult) => void | Promise<void>;
};

type Answer = { doubt: string | null; finding: Finding | null };

/** Run them. Returns the results, with those that are in doubt now changed, and what was found. */
export async function tryOriginalTests(
  input: OriginalsInput,
  context: TestContext,
  results: readonly CheckResult[],
  place: CheckPlace,
): Promise<{ results: CheckResult[]; findings: Finding[] }> {
  if (context.alteredTests.length === 0) return { results: [...results], findings: [] };
  await restoreFiles(input.mirror, place.worktree, input.baseCommit, context.alteredTests);
  const findings: Finding[] = [];
  const updated: CheckResult[] = [];
  for (const [index, result] of results.entries()) {
    if (!isWorthTrying(result)) {
      updated.push(result);
      continue;
    }
    const { doubt, finding } = await ask(result, context, (round) =>
      runCheck(result.check, place, checkLogPath(input.logRoot, index, result.check, round)),
    );
    if (finding) findings.push(finding);
    updated.push(withAnswer(result, doubt, finding, context));
    if (updated[index]?.result !== result.result) await input.onCheck(updated[index] ?? result);
  }
  return { results: updated, findings };
}

/** A check that was red before too and names no test cannot get any redder. */
function isWorthTrying({ result, run }: CheckResult): boolean {
  return result === "pass" && (run.status === "green" || run.tests !== null);
}

async function ask(
  { check, run }: CheckResult,
  context: TestContext,
  runOriginals: (round: string) => Promise<CheckRun>,
): Promise<Answer> {
  const original = await runOriginals("-original-tests");
  if (original.status === "inconclusive") return { doubt: original.detail, finding: null };
  const first = findWeakened(run, original);
  if (!first.weakened) return { doubt: null, finding: null };
  const second = findWeakened(run, await runOriginals("-original-tests-again"));
  if (!second.weakened) return { doubt: "flaky: red, then not", finding: null };
  const inBoth = first.tests.filter((name) => second.tests.includes(name));
  const tests = inBoth.length > 0 ? inBoth : second.tests;
  return { doubt: null, finding: describeWeakened(check.name, tests, context) };
}

function withAnswer(
  result: CheckResult,
  doubt: string | null,
  finding: Finding | null,
  { allowTestChanges }: TestContext,
): CheckResult {
  if (finding) return result; // the finding says it
  const reason = `${result.reason}; with the original tests ${doubt ?? "too"}`;
  const inDoubt = doubt !== null && !allowTestChanges;
  return { ...result, reason, result: inDoubt ? "inconclusive" : result.result };
}
