import { type ProofLevel, proofBudgets } from "../../core/proof/proof.ts";
import type {
  Cause,
  CheckResult,
  Experiment,
  Finding,
  JudgeChange,
  Verdict,
} from "../../core/proof/verdict.ts";
import { treeOf } from "../../worktree/read/read-commit.ts";
import { listSome } from "../change/list-some.ts";
import { readText } from "../change/tree.ts";
import { conclude } from "../checks/conclude.ts";
import type { VerifyInput } from "../checks/verify-attempt.ts";
import { isData } from "../sides/languages.ts";
import type { SidedFile, Sides } from "../sides/sides.ts";
import { findLostTests } from "../tests/lost-tests.ts";
import { judgeRewritten } from "../tests/rewritten-tests.ts";
import { concludeJudges } from "./conclude-judges.ts";
import { confirmSuspicions } from "./confirm-suspicions.ts";
import { dependOnJudges } from "./depend-on-judges.ts";
import { findCauses } from "./find-causes.ts";
import { judgeCanaries } from "./judge-canaries.ts";
import { mutateChange } from "./mutate-change.ts";
import { filesOfParts, halvesOf, type Trials } from "./trials.ts";
import type { TriedCheck } from "./tried-check.ts";
import type { CanaryAnswer } from "./try-canaries.ts";
import { tryJudges } from "./try-judges.ts";

/**
 * Proves a change whose checks pass: whether they still detect a fault, whether the base's judges
 * accept it, what turned the checks green, and who accepted the judges that it changed.
 */
export type Reading = {
  sides: Sides;
  /** Findings from the change itself, before any experiment. */
  findings: readonly Finding[];
  trials: Trials;
  canaries: ReadonlyMap<string, CanaryAnswer>;
  results: CheckResult[];
  /** Test files that the checks' run overwrote. */
  rewritten: readonly string[];
};

/** Results of the experiments, for the verdict. */
type Notebook = {
  experiments: Experiment[];
  findings: Finding[];
  notChecked: string[];
};

export async function proveChange(
  input: VerifyInput & { proof: ProofLevel },
  reading: Reading,
): Promise<Verdict> {
  const { findings } = reading;
  const book: Notebook = { experiments: [], findings: [...findings], notChecked: [] };
  const note = async (experiments: readonly Experiment[]) => {
    for (const experiment of experiments) await input.onExperiment?.(experiment);
    book.experiments.push(...experiments);
  };
  const judged = await judgeCanaries(input, reading);
  await note(judged.experiments);
  book.findings.push(...judged.findings);
  book.notChecked.push(...judged.notChecked);
  const { results } = judged;
  for (const [index, result] of results.entries())
    if (result !== reading.results[index]) await input.onCheck(result);
  const isGreen = results.every(({ result }) => result === "pass");
  if (!isGreen || book.findings.some(({ blocking }) => blocking)) {
    const judges = describeJudges(reading.sides.files, new Map());
    return withProof(conclude(results, book.findings, book.notChecked), book, judges, []);
  }
  const changedFrom = input.changedFrom ?? input.baseCommit;
  const deadline = Date.now() + proofBudgets[input.proof].timeMs;
  const { files, suspicions } = reading.sides;
  const tried = await tryJudges({ ...reading, files, changedFrom, commit: input.commit });
  await note(tried.experiments);
  book.notChecked.push(...tried.notChecked);
  const lost = findLostTests(results, tried.checks, files);
  book.findings.push(...lost.findings, ...findWeakened(results, tried.checks));
  const found = await findCauses({
    files,
    checks: tried.checks,
    changeTree: await treeOf(input.mirror, input.commit),
    tryFiles: async (check, parts) => {
      const sources = filesOfParts(parts, input.commit, changedFrom);
      const trial = await reading.trials.runOn(changedFrom, sources, [check], "part");
      const run = trial.runs.get(check.name);
      return run ? { run, tree: trial.tree } : null;
    },
    readBoth: async ({ from, path }) => ({
      base: await readText(input.mirror, changedFrom, from ?? path),
      change: await readText(input.mirror, input.commit, path),
    }),
    budget: { narrowingRuns: narrowingRuns(input.proof, files) },
    deadline,
    // Acceptance is asked for below, so no cause blocks by itself.
    isAccepted: () => true,
  });
  await note(found.experiments);
  book.findings.push(...found.findings);
  book.notChecked.push(...found.notes);
  const lies = await confirmSuspicions(input, { ...reading, suspicions, changedFrom });
  await note(lies.experiments);
  book.findings.push(...lies.findings);
  await note(
    await mutateChange({
      ...{ ...reading, files, changedFrom, deadline, commit: input.commit, mirror: input.mirror },
      mutants: proofBudgets[input.proof].mutants,
    }),
  );
  const place = { ...reading, changedFrom, commit: input.commit };
  const forced = new Map([
    ...(await forcedByTests(place, tried.checks, lost.byJudges)),
    ...forcedByCauses(found.causes),
    ...lies.paths,
  ]);
  const rewritten = judgeRewritten(await findRewritten(input, reading));
  book.findings.push(...rewritten.findings);
  const judges = [...describeJudges(files, forced), ...rewritten.judges];
  const accepted = (await input.acceptJudges?.(judges)) ?? judges;
  const verdict = conclude(results, book.findings, book.notChecked);
  return withProof(concludeJudges(verdict, accepted), book, accepted, found.causes);
}

function withProof(
  verdict: Verdict,
  { experiments }: Notebook,
  judges: JudgeChange[],
  causes: Cause[],
): Verdict {
  return { ...verdict, judges, experiments, causes };
}

/** Tests that the change's run overwrites and the base's run does not. */
async function findRewritten(
  { baseCommit }: VerifyInput,
  { results, rewritten, sides, trials }: Reading,
): Promise<string[]> {
  const isChanged = (path: string) => sides.files.some((file) => file.path === path);
  const untouched = rewritten.filter((path) => !isChanged(path));
  if (untouched.length === 0) return [];
  const checks = results.map(({ check }) => check);
  const base = await trials.run(baseCommit, checks, "rewritten-on-base");
  return untouched.filter((path) => !base.rewritten.includes(path));
}

/** A change without judges is its own cause, so it is narrowed down only with full proof. */
function narrowingRuns(proof: ProofLevel, files: readonly SidedFile[]): number {
  const hasJudges = files.some(({ path, side }) => side !== "source" || isData(path));
  return hasJudges || proof === "full" ? proofBudgets[proof].narrowingRuns : 0;
}

/** Findings for tests that pass because of changed judges: noted here, and held until accepted. */
function findWeakened(results: readonly CheckResult[], tried: readonly TriedCheck[]): Finding[] {
  return results.flatMap((result): Finding[] => {
    const old = tried.find(({ check }) => check.name === result.check.name)?.oldJudges;
    const names = old ? dependOnJudges(result, old.run) : [];
    if (names?.length === 0) return [];
    const which = names ? `: ${listSome(names)}` : "";
    const message = `\`${result.check.name}\` passes with the change's judges and fails with those of the base${which}`;
    return [{ rule: "tests_weakened", blocking: false, message, paths: [] }];
  });
}

/** How a file weakens the judging; null: it does not, it only needs acceptance. */
type Forced = [path: string, weaker: string | null];

/**
 * Finds base tests that pass, or are gone, because of judge files that need no acceptance. Where
 * other judges changed too, the checks run with only these files as on the base, to tell which are
 * the cause.
 */
async function forcedByTests(
  place: Reading & { changedFrom: string; commit: string },
  tried: readonly TriedCheck[],
  lost: readonly string[],
): Promise<Forced[]> {
  const { changedFrom, commit, results, sides, trials } = place;
  const quiet = sides.files.filter(
    ({ needsAcceptance, withOldJudges }) => !needsAcceptance && withOldJudges !== "change",
  );
  const weaker = describeDependent(passingBy(results, tried), lost);
  if (weaker === null || quiet.length === 0) return [];
  const force = (why: string): Forced[] => quiet.map(({ path }) => [path, why]);
  if (!sides.files.some(({ needsAcceptance }) => needsAcceptance)) return force(weaker);
  const old = halvesOf(quiet, (file) => file.withOldJudges, changedFrom);
  const checks = results.map(({ check }) => check);
  const trial = await trials.runOn(commit, old, checks, "old-quiet-judges");
  const alone = tried.map((each): TriedCheck => {
    const run = trial.runs.get(each.check.name);
    return { ...each, oldJudges: run ? { run, tree: trial.tree } : null };
  });
  const { byJudges } = findLostTests(results, alone, sides.files);
  const still = describeDependent(passingBy(results, alone), byJudges);
  return still === null ? [] : force(still);
}

function passingBy(results: readonly CheckResult[], tried: readonly TriedCheck[]): string[] {
  return results.flatMap((result) => {
    const old = tried.find(({ check }) => check.name === result.check.name)?.oldJudges;
    return old ? (dependOnJudges(result, old.run) ?? [`\`${result.check.name}\``]) : [];
  });
}

function describeDependent(passing: readonly string[], lost: readonly string[]): string | null {
  if (passing.length > 0) return `without it fails what it does not hold: ${listSome(passing)}`;
  return lost.length > 0 ? `without it runs what does not with it: ${listSome(lost)}` : null;
}

/** Files that alone turned a check green. */
function forcedByCauses(causes: readonly Cause[]): Forced[] {
  return causes
    .filter(({ bySource }) => !bySource)
    .flatMap(({ paths }) => paths.map((path): Forced => [path, null]));
}

function describeJudges(
  files: readonly SidedFile[],
  forced: ReadonlyMap<string, string | null>,
): JudgeChange[] {
  return files
    .filter(({ needsAcceptance, path }) => needsAcceptance || forced.has(path))
    .map(({ content, from, kind, path, status, weaker, why }) => ({
      ...{ path, status, why, content, ...(from !== null && { from }) },
      kind: kind ?? (isData(path) ? "data" : "source"),
      weaker: weaker ?? forced.get(path) ?? null,
      accepted: null,
    }));
}
