import type { ProofBudget } from "../../core/proof/proof.ts";
import { describeCause } from "../../core/proof/proof-words.ts";
import type { Cause, Check, CheckRun, Experiment, Finding } from "../../core/proof/verdict.ts";
import { listSome } from "../change/list-some.ts";
import type { SidedFile } from "../sides/sides.ts";
import { compareTests } from "../tests/compare-tests.ts";
import { type Rename, renamesOf } from "../tests/rename-tests.ts";
import {
  type ChangePart,
  composeParts,
  isSource,
  isWork,
  namePart,
  oldJudgesParts,
  oldSourceParts,
  type PartialFile,
  partsOf,
  splitPart,
} from "./change-parts.ts";
import { type Flip, type Narrowed, narrowCause } from "./narrow-cause.ts";
import { testNewTests } from "./test-new-tests.ts";
import type { Tried, TriedCheck } from "./tried-check.ts";

/**
 * Finds what turned a check green. It reads the runs made anyway (the base, the change, the change
 * with the base's judges, the base with the change's judges) and, within the budget, runs smaller
 * and smaller parts of the change. Green through judge-side files alone is a finding.
 */
export type CausesInput = {
  /** Every changed file. */
  files: readonly SidedFile[];
  checks: readonly TriedCheck[];
  changeTree: string;
  /**
   * Runs a check on the base's tree with only these files changed, in a clean worktree after setup.
   * Null when it could not be tried or its setup failed.
   */
  tryFiles: (check: Check, files: PartialFile[]) => Promise<Tried | null>;
  /** Reads a changed file's text on both sides; null where there is no file or no text. */
  readBoth: (file: SidedFile) => Promise<{ base: string | null; change: string | null }>;
  budget: Pick<ProofBudget, "narrowingRuns">;
  /** The latest start of a run, in milliseconds since 1970. */
  deadline: number;
  /** Whether this changed file is accepted as a judge of the change. */
  isAccepted: (path: string) => boolean;
};

export type CausesFound = {
  causes: Cause[];
  experiments: Experiment[];
  findings: Finding[];
  /** Sentences for people: what new tests show, and what was not searched. */
  notes: string[];
};

/** From this budget on, large changes of one file are narrowed down to hunks, too. */
const runsForHunks = 20;

/** Finds the causes of every check that turned green. Throws what `tryFiles` throws. */
export async function findCauses(input: CausesInput): Promise<CausesFound> {
  const renames = renamesOf(input.files);
  const found: CausesFound = { causes: [], experiments: [], findings: [], notes: [] };
  let runs = input.budget.narrowingRuns;
  // A change of source alone is the cause as it is; a smaller part need not be found.
  const hasJudges = input.files.some(({ side }) => side !== "source");
  for (const tried of input.checks) {
    const tests = testNewTests(tried, renames);
    if (tests) {
      found.experiments.push(tests.experiment);
      found.notes.push(...tests.notes);
    }
    const turned = whatTurned(tried, renames);
    if (!turned) continue;
    const startedAt = Date.now();
    const cause = await findCause(input, tried, turned, runs);
    runs -= cause.runs;
    const flaky = cause.cause.bySource ? null : await tryAgain(input, tried, turned, renames);
    if (flaky) {
      found.experiments.push(flaky);
      found.notes.push(flaky.says);
      continue;
    }
    found.causes.push(cause.cause);
    found.experiments.push(describeNarrowing(tried.check, cause, Date.now() - startedAt));
    if (!cause.cause.smallest && (input.budget.narrowingRuns > 0 || hasJudges))
      found.notes.push(describeUnfinished(tried.check, cause));
    const finding = judgeCause(tried.check, cause, input.isAccepted);
    if (finding) found.findings.push(finding);
  }
  return found;
}

/** The condition for a run to count as green. */
type Turned = { exit: boolean; tests: ReadonlySet<string> };

/** Returns what turned green in a check, or null. A timeout on the base says nothing. */
export function whatTurned(
  { base, change }: Pick<TriedCheck, "base" | "change">,
  renames: readonly Rename[],
): Turned | null {
  if (!base || change.status === "inconclusive") return null;
  const couldNotStart = base.status === "inconclusive" && /^could not start/.test(base.detail);
  if (base.status === "inconclusive" && !couldNotStart) return null;
  const compared =
    base.tests && change.tests ? compareTests(base.tests, change.tests, renames) : null;
  const exit = base.status !== "green" && change.status === "green";
  const tests = new Set(compared?.newlyPassing ?? []);
  return exit || tests.size > 0 ? { exit, tests } : null;
}

function readFlip(run: CheckRun | null, turned: Turned, renames: readonly Rename[]): Flip {
  if (!run || (run.status === "inconclusive" && !/^could not start/.test(run.detail)))
    return "unknown";
  if (turned.exit && run.status !== "green") return "red";
  if (turned.tests.size === 0) return "green";
  if (!run.tests) return turned.exit ? "green" : "unknown";
  // Where a file is left as on the base, its tests have the base's names.
  const wanted = Object.fromEntries([...turned.tests].map((name) => [name, "passed" as const]));
  const list = { ...run.tests, tests: wanted };
  const back = renames.map(({ from, to }) => ({ from: to, to: from }));
  const compared = compareTests(list, run.tests, back);
  const passing = compared.stillPassing.length;
  if (passing === turned.tests.size) return "green";
  // In a list of failures alone, a test that is not listed passed.
  if (run.tests.listed === "failures" && compared.newlyFailing.length === 0) return "green";
  const isKnown = run.tests.listed === "all" || compared.newlyFailing.length > 0;
  return isKnown || !turned.exit ? "red" : "unknown";
}

/**
 * Runs the base once more before a judge is blamed. If the base is green now, nothing turned green:
 * the check or its tests are flaky. Null when it is as red as before.
 */
async function tryAgain(
  { tryFiles }: CausesInput,
  { check }: TriedCheck,
  turned: Turned,
  renames: readonly Rename[],
): Promise<Experiment | null> {
  const again = await tryFiles(check, []);
  if (!again || readFlip(again.run, turned, renames) !== "green") return null;
  return {
    kind: "repetition",
    check: check.name,
    command: check.command,
    tree: again.tree,
    result: "open",
    says: `\`${check.name}\` was red without the change, and is green without it when it runs again: that it is green with it shows nothing.`,
    durationMs: again.run.durationMs,
  };
}

type FoundCause = Narrowed<ChangePart> & { cause: Cause; tree: string; lines: string[] };

async function findCause(
  input: CausesInput,
  { check, oldJudges, oldSource }: TriedCheck,
  turned: Turned,
  maxRuns: number,
): Promise<FoundCause> {
  const { deadline, files, tryFiles } = input;
  const renames = renamesOf(files);
  const parts = partsOf(files);
  const trees = new Map<string, string>();
  const remember = (kept: readonly ChangePart[], tried: Tried | null) => {
    if (tried) trees.set(keyOf(kept), tried.tree);
  };
  remember(parts, { tree: input.changeTree } as Tried);
  const flips = async (kept: ChangePart[]): Promise<Flip> => {
    const tried = await tryFiles(check, composeParts(kept));
    remember(kept, tried);
    return readFlip(tried?.run ?? null, turned, renames);
  };
  const known = [
    { kept: oldJudgesParts(parts), tried: oldJudges },
    { kept: oldSourceParts(parts), tried: oldSource },
  ].flatMap(({ kept, tried }) => {
    if (!tried) return [];
    remember(kept, tried);
    return [{ kept, answer: readFlip(tried.run, turned, renames) }];
  });
  const narrowed = await narrowCause({ parts, flips, maxRuns, deadline, known });
  const more = await narrowHunks(input, narrowed, flips, maxRuns);
  const kept = narrowed.kept;
  return {
    ...narrowed,
    runs: narrowed.runs + more.runs,
    tree: trees.get(keyOf(more.kept)) ?? trees.get(keyOf(kept)) ?? input.changeTree,
    lines: more.kept.map(namePart),
    cause: {
      check: check.name,
      paths: [...new Set(kept.map(({ path }) => path))],
      smallest: narrowed.smallest,
      bySource: kept.some(isWork),
    },
  };
}

/** Narrows the one or two remaining files to hunks, where one is mixed or the budget allows it. */
async function narrowHunks(
  { budget, deadline, readBoth }: CausesInput,
  { kept, runs, smallest }: Narrowed<ChangePart>,
  flips: (kept: ChangePart[]) => Promise<Flip>,
  maxRuns: number,
): Promise<{ kept: ChangePart[]; runs: number }> {
  const none = { kept, runs: 0 };
  if (!smallest || kept.length > 2 || runs >= maxRuns) return none;
  const hunks: ChangePart[] = [];
  for (const part of kept) {
    const isMixed = part.of === "file" && part.file.side === "mixed";
    const isWorthIt = isMixed || (isSource(part) && budget.narrowingRuns >= runsForHunks);
    hunks.push(...(isWorthIt ? splitPart(part, await readBoth(part.file)) : [part]));
  }
  if (hunks.length === kept.length) return none;
  return narrowCause({ parts: hunks, flips, maxRuns: maxRuns - runs, deadline });
}

function keyOf(parts: readonly ChangePart[]): string {
  return JSON.stringify(parts.map(({ key }) => key).sort());
}

function describeNarrowing(check: Check, found: FoundCause, durationMs: number): Experiment {
  const { cause, kept, lines, runs, tree } = found;
  const isNarrower = lines.join() !== kept.map(namePart).join() && lines.length > 0;
  const where = isNarrower ? ` (${listSome(lines)})` : "";
  const cost = runs === 0 ? "" : `; ${runs === 1 ? "1 run" : `${runs} runs`} to find out`;
  return {
    kind: "narrowing",
    check: check.name,
    command: check.command,
    tree,
    result: cause.bySource ? "shown" : "refuted",
    says: `${describeCause(cause)}${where}${cost}.`,
    durationMs,
  };
}

function describeUnfinished({ name }: Check, { cause, runs }: FoundCause): string {
  const spent =
    runs === 0
      ? "no run was left for it"
      : `it ended after ${runs === 1 ? "1 run" : `${runs} runs`}`;
  return `What turned \`${name}\` green was not narrowed down further than ${listSome(cause.paths)}: ${spent}.`;
}

/** A check that is green without any source blocks, unless its judge changes were accepted. */
function judgeCause(
  { name }: Check,
  { cause, kept }: FoundCause,
  isAccepted: CausesInput["isAccepted"],
): Finding | null {
  if (cause.bySource) return null;
  const names = listSome([...new Set(kept.map(namePart))]);
  const all = cause.smallest || kept.length === 1 ? names : `${names}, or some of them`;
  return {
    rule: "green_without_source",
    blocking: !cause.paths.every(isAccepted),
    message: `\`${name}\` turned green because of ${all}, without any source: no program's behaviour changed`,
    paths: cause.paths,
  };
}
