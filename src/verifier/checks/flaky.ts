import type { Check, CheckResult, CheckRun, Experiment } from "../../core/proof/verdict.ts";
import { listSome } from "../change/list-some.ts";
import { type Rename, renameTests } from "../tests/rename-tests.ts";
import { failingOf, type JudgeContext, judgeCheck } from "./judge-check.ts";

/**
 * Proves flakiness instead of assuming it. When two runs on the change differ, the check runs again
 * on the base, and a test that flips there, without any change, is flaky. Its failure does not
 * count against the change, nor its pass for it. Pure, except for the repetition.
 */
export type Repetition = {
  result: CheckResult;
  /** Tests seen to flip on the base, under the base's names, to be quarantined. */
  flipped: string[];
  experiment: Experiment | null;
};

export type RepeatInput = {
  check: Check;
  run: CheckRun;
  rerun: CheckRun | null;
  baseline: CheckRun | null;
  /** Runs the same check on the base once more; left out: no repetition is possible. */
  repeatOnBase?: () => Promise<CheckRun>;
  /** The base's tree, for the record. */
  baseTree: string;
  /** Tests in quarantine, under the base's names. */
  quarantined?: ReadonlySet<string>;
  renames?: readonly Rename[];
};

const maxRepetitions = 3;

/** Judges a check, repeated on the base if two runs differ. Throws what `repeatOnBase` throws. */
export async function judgeWithRepetition(input: RepeatInput): Promise<Repetition> {
  const { baseline, check, quarantined = new Set<string>(), renames = [], rerun, run } = input;
  const contextOf = (flaky: Iterable<string>): JudgeContext => ({
    renames,
    flaky: namesNow(flaky, run, renames),
  });
  const first = judgeCheck(check, run, rerun, baseline, contextOf(quarantined));
  const suspects = rerun ? findDiffering(run, rerun, input) : null;
  const settled = { result: first, flipped: [], experiment: null };
  if (!input.repeatOnBase || !baseline || !suspects || first.result === "pass") return settled;
  const runs = [baseline];
  const startedAt = Date.now();
  let flipped: string[] = [];
  while (runs.length <= maxRepetitions) {
    runs.push(await input.repeatOnBase());
    flipped = findFlips(runs).filter((name) => suspects.names.includes(name));
    const isEnough = suspects.names.length > 0 && flipped.length === suspects.names.length;
    if (isEnough || (suspects.names.length === 0 && flips(runs))) break;
  }
  const experiment: Experiment = {
    kind: "repetition",
    check: check.name,
    command: check.command,
    tree: input.baseTree,
    result: flipped.length > 0 || flips(runs) ? "shown" : "open",
    says: describe(runs, suspects.names, flipped),
    durationMs: Date.now() - startedAt,
  };
  const result = judgeCheck(check, run, rerun, baseline, contextOf([...quarantined, ...flipped]));
  if (result.result === "pass" || !/^flaky/.test(result.reason))
    return { result, flipped, experiment };
  const reason = `${result.reason}; ${experiment.says}`;
  return { result: { ...result, reason }, flipped, experiment };
}

/** Tests that passed in one of these runs of one commit and failed in another, sorted by name. */
export function findFlips(runs: readonly CheckRun[]): string[] {
  const states = new Map<string, Set<string>>();
  for (const { tests } of runs) {
    for (const [name, state] of Object.entries(tests?.tests ?? {})) {
      states.set(name, (states.get(name) ?? new Set()).add(state));
    }
  }
  return [...states]
    .filter(([, seen]) => seen.has("passed") && seen.has("failed"))
    .map(([name]) => name)
    .sort();
}

/** When tests are not named, only the exit code can flip. */
function flips(runs: readonly CheckRun[]): boolean {
  return (
    new Set(runs.map(({ status }) => status).filter((each) => each !== "inconclusive")).size > 1
  );
}

/** Tests that failed in only one of the two runs, under the base's names; null: the runs agree. */
function findDiffering(
  run: CheckRun,
  rerun: CheckRun,
  { baseline, renames = [] }: RepeatInput,
): { names: string[] } | null {
  if (rerun.status === "inconclusive") return null;
  const [one, other] = [failingOf(run), failingOf(rerun)];
  const differing = [
    ...one.filter((name) => !other.includes(name)),
    ...other.filter((name) => !one.includes(name)),
  ];
  if (differing.length === 0) return run.status === rerun.status ? null : { names: [] };
  const there = baseline?.tests?.tests ?? {};
  const then = new Map(
    Object.keys(there).map((name) => [[...namesNow([name], run, renames)][0] ?? name, name]),
  );
  const names = differing.flatMap((name) => then.get(name) ?? []);
  // A test that the base lacks cannot be flaky there.
  return names.length === 0 ? null : { names };
}

/** The names that the base's tests have in the change. */
function namesNow(
  names: Iterable<string>,
  { tests }: CheckRun,
  renames: readonly Rename[],
): Set<string> {
  const all = [...names];
  if (!tests || renames.length === 0) return new Set(all);
  const list = Object.fromEntries(all.map((name) => [name, "passed" as const]));
  return new Set(Object.keys(renameTests({ ...tests, tests: list }, tests, renames).tests));
}

function describe(runs: readonly CheckRun[], names: readonly string[], flipped: string[]): string {
  const times = `${runs.length} runs on the base`;
  if (flipped.length > 0) return `in ${times} ${listSome(flipped)} both passed and failed`;
  if (names.length === 0 && flips(runs)) return `${times} were both green and red`;
  return `${names.length > 0 ? listSome(names) : "it"} did not flip in ${times}`;
}
