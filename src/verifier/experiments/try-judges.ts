import type { CheckResult, Experiment } from "../../core/proof/verdict.ts";
import { listSome } from "../change/list-some.ts";
import { judgeRun } from "../checks/judge-check.ts";
import type { SidedFile } from "../sides/sides.ts";
import { dependOnJudges } from "./depend-on-judges.ts";
import { halvesOf, type Trial, type Trials } from "./trials.ts";
import type { TriedCheck } from "./tried-check.ts";

/**
 * Runs the change with the base's judges, to see whether they accept the new work, and the base
 * with the change's judges, to see whether new tests notice that the work is missing. Differences
 * from the reading come from the judges.
 */
export type JudgesTried = {
  checks: TriedCheck[];
  experiments: Experiment[];
  notChecked: string[];
};

export type JudgesInput = {
  trials: Trials;
  commit: string;
  changedFrom: string;
  files: readonly SidedFile[];
  /** The results of the reading. */
  results: readonly CheckResult[];
};

/** Tries both, where the change has judges at all. */
export async function tryJudges(input: JudgesInput): Promise<JudgesTried> {
  const { changedFrom, commit, files, results, trials } = input;
  const checks = results.map(({ check }) => check);
  const untried = results.map((result) => tried(result, null, null));
  const oldJudges = halvesOf(files, (file) => file.withOldJudges, changedFrom);
  if (oldJudges.size === 0) return { checks: untried, experiments: [], notChecked: [] };
  const oldSource = halvesOf(files, (file) => file.withOldSource, changedFrom);
  const [judges, source] = await Promise.all([
    trials.runOn(commit, oldJudges, checks, "old-judges"),
    trials.runOn(commit, oldSource, checks, "old-source"),
  ]);
  const isWorse = (result: CheckResult, trial: Trial) => {
    const run = trial.runs.get(result.check.name);
    return run && judgeRun(result.check.kind, run, result.baseline).result === "fail";
  };
  // As everywhere, a red result must repeat.
  const worse = results.filter((result) => isWorse(result, judges)).map(({ check }) => check);
  const again =
    worse.length > 0 ? await trials.runOn(commit, oldJudges, worse, "old-judges-again", 2) : null;
  const flaky = results.filter(
    (result) => again?.runs.has(result.check.name) && !isWorse(result, again),
  );
  const experiments = results.flatMap((result) => {
    const run = judges.runs.get(result.check.name);
    if (!run) return [];
    const isFlaky = flaky.includes(result);
    return [describeOldJudges(result, { run, tree: judges.tree }, isFlaky)];
  });
  const failed = [
    ...(judges.setupFailed ? [`the base's judges: ${judges.setupFailed}`] : []),
    ...(source.setupFailed ? [`the base's source: ${source.setupFailed}`] : []),
  ];
  return {
    checks: results.map((result) => tried(result, flaky.includes(result) ? null : judges, source)),
    experiments,
    notChecked: [
      ...failed.map((each) => `Nothing was run with ${each}.`),
      ...flaky.map(
        ({ check }) =>
          `With the base's judges \`${check.name}\` was red once and then not, so that they say nothing.`,
      ),
    ],
  };
}

function tried(
  { baseline, check, rerun, run }: CheckResult,
  judges: Trial | null,
  source: Trial | null,
): TriedCheck {
  const of = (trial: Trial | null) => {
    const its = trial?.runs.get(check.name);
    return trial && its ? { run: its, tree: trial.tree } : null;
  };
  return {
    ...{ check, base: baseline, change: rerun ?? run },
    ...{ oldJudges: of(judges), oldSource: of(source) },
  };
}

function describeOldJudges(
  result: CheckResult,
  { run, tree }: { run: CheckResult["run"]; tree: string },
  isFlaky: boolean,
): Experiment {
  const { check } = result;
  const about = {
    ...{ kind: "old_judges" as const, check: check.name, command: check.command, tree },
    durationMs: run.durationMs,
  };
  const where = `With its tests, fixtures and configuration as on the base`;
  if (isFlaky || run.status === "inconclusive") {
    const why = isFlaky ? "is red once and then not" : run.detail;
    return { ...about, result: "open", says: `${where} \`${check.name}\` says nothing: ${why}.` };
  }
  const names = dependOnJudges(result, run);
  if (names && names.length > 0) {
    const says = `${where} \`${check.name}\` fails in what passes with the change's: ${listSome(names)}.`;
    return { ...about, result: "refuted", says };
  }
  if (judgeRun(check.kind, run, result.baseline).result === "pass")
    return { ...about, result: "shown", says: `${where} \`${check.name}\` accepts the change.` };
  const says = `${where} \`${check.name}\` ends with ${run.detail}.`;
  return { ...about, result: "open", says };
}
