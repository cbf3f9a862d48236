import type { Check, CheckRun } from "../core/verdict.ts";
import { composeCommit, type FileSource } from "../worktree/compose-commit.ts";
import { treeOf } from "../worktree/read-commit.ts";
import type { PartialFile } from "./change-parts.ts";
import {
  type CleanPlace,
  checkLogPath,
  runSetup,
  type Setup,
  withCleanWorktree,
} from "./clean-worktree.ts";
import { makeNameTests } from "./name-tests.ts";
import { listRewrittenTests } from "./rewritten-tests.ts";
import { type CheckPlace, runCheck } from "./run-checks.ts";
import type { Half, SidedFile } from "./sides/sides.ts";

/**
 * Experiments run checks on trees that nobody made: the change with the judges of the base, the base
 * with the tests of the change, either with tests that must fail. Each tree gets a clean worktree and a
 * setup of its own, and no check runs twice on the same tree for the same question.
 */
export type TrialInput = Omit<CleanPlace, "baseCommit"> & {
  baseCommit: string;
  setup: readonly string[];
  logRoot: string;
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  onProcess: CheckPlace["onProcess"];
};

/** What a tree said: one run by check, unless its setup did not work. */
export type Trial = {
  tree: string;
  runs: Map<string, CheckRun>;
  setupFailed: string | null;
  /** Test files that what ran wrote over. */
  rewritten: string[];
};

export type Trials = {
  /** Run these checks on a commit. `label` goes into the names of their logs. */
  run(commit: string, checks: readonly Check[], label: string, round?: 1 | 2): Promise<Trial>;
  /** Compose a commit from `from` and run them on that. */
  runOn(
    from: string,
    files: ReadonlyMap<string, FileSource>,
    checks: readonly Check[],
    label: string,
    /** 2: once more, whatever came out the first time. */
    round?: 1 | 2,
  ): Promise<Trial>;
};

/** `checks` of the verification tell which log belongs to which. */
export function makeTrials(input: TrialInput, all: readonly Check[]): Trials {
  const known = new Map<string, Promise<Trial>>();
  const inTurn = areApart(input) ? null : makeQueue();
  const run: Trials["run"] = async (commit, checks, label, round = 1) => {
    const tree = await treeOf(input.mirror, commit);
    const key = JSON.stringify([tree, checks.map(({ name }) => name), round]);
    const there = known.get(key);
    if (there) return there;
    const work = () => runTrial(input, all, commit, tree, checks, label);
    const trial = inTurn ? inTurn(work) : work();
    known.set(key, trial);
    return trial;
  };
  return {
    run,
    runOn: async (from, files, checks, label, round) =>
      run(await composeCommit(input.mirror, from, files, `trial: ${label}`), checks, label, round),
  };
}

/** Whether two runs of a check at the same time can meet nowhere: not at a port, a database, in /tmp. */
export function areApart({ sandbox }: Pick<TrialInput, "sandbox">): boolean {
  return sandbox?.apart === true;
}

function makeQueue() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next.catch(() => {}); // its caller is told
    return next;
  };
}

async function runTrial(
  input: TrialInput,
  all: readonly Check[],
  commit: string,
  tree: string,
  checks: readonly Check[],
  label: string,
): Promise<Trial> {
  return withCleanWorktree(input, commit, async (worktree, confined, reports) => {
    const place = placeRuns(input, { commit, worktree, confined, reports });
    const setup = await runSetup(input.setup, place, input.logRoot, `-${label}`);
    const runs = new Map<string, CheckRun>();
    if (setup && !setup.ok) return { tree, runs, setupFailed: describeSetup(setup), rewritten: [] };
    for (const check of checks) {
      const log = checkLogPath(input.logRoot, all.indexOf(check), check, `-${label}`);
      runs.set(check.name, await runCheck(check, place, log));
    }
    const rewritten = await listRewrittenTests(input.mirror, worktree);
    return { tree, runs, setupFailed: null, rewritten };
  });
}

/** Where the runs of one clean worktree happen, with their tests named. */
export function placeRuns(
  { env, mirror, onProcess, signal }: Pick<TrialInput, "env" | "mirror" | "onProcess" | "signal">,
  at: Pick<CheckPlace, "commit" | "worktree" | "confined"> & { reports: string },
): CheckPlace {
  return { ...at, env, signal, onProcess, nameTests: makeNameTests({ mirror, ...at }) };
}

function describeSetup({ check, run }: Setup): string {
  return `setup does not work there (\`${check.command}\`: ${run.detail})`;
}

/** The files of the change as `half` says, for a tree that is composed from the change. */
export function halvesOf(
  files: readonly SidedFile[],
  half: (file: SidedFile) => Half,
  baseCommit: string,
): Map<string, FileSource> {
  const sources = new Map<string, FileSource>();
  for (const file of files) {
    const wanted = half(file);
    if (wanted === "change") continue;
    if (wanted === "base") {
      sources.set(file.path, { like: baseCommit });
      if (file.from !== null) sources.set(file.from, { like: baseCommit });
    } else sources.set(file.path, wanted);
  }
  return sources;
}

/** Parts of a change, for a tree that is composed from the base. */
export function filesOfParts(
  parts: readonly PartialFile[],
  commit: string,
  baseCommit: string,
): Map<string, FileSource> {
  const sources = new Map<string, FileSource>();
  for (const { content, from, path } of parts) {
    if (from !== null && from !== path) sources.set(from, { like: commit });
    if (content === "change") sources.set(path, { like: commit });
    else sources.set(path, content === "base" ? { like: baseCommit } : content);
  }
  return sources;
}
