import type { Check, CheckRun } from "../../core/proof/verdict.ts";
import { composeCommit, type FileSource } from "../../worktree/commits/compose-commit.ts";
import { treeOf } from "../../worktree/read/read-commit.ts";
import { type CheckPlace, runCheck } from "../checks/run-checks.ts";
import {
  type Clean,
  checkLogPath,
  type Setup,
  withCleanWorktree,
} from "../place/clean-worktree.ts";
import { type SetupInput, setUp } from "../place/set-up.ts";
import type { Half, SidedFile } from "../sides/sides.ts";
import { makeNameTests } from "../tests/name-tests.ts";
import { listRewrittenTests } from "../tests/rewritten-tests.ts";
import type { PartialFile } from "./change-parts.ts";

/**
 * Runs checks on composed trees for experiments: the change with the base's judges, the base with
 * the change's tests, either with tests that must fail. Each tree gets a clean worktree and its own
 * setup, and no check runs twice on the same tree for the same question.
 */
export type TrialInput = SetupInput;

/** The result of one tree: one run for each check, unless its setup failed. */
export type Trial = {
  tree: string;
  runs: Map<string, CheckRun>;
  setupFailed: string | null;
  /** Test files that the run overwrote. */
  rewritten: string[];
};

export type Trials = {
  /** Runs these checks on a commit. `label` goes into the names of their logs. */
  run(commit: string, checks: readonly Check[], label: string, round?: 1 | 2): Promise<Trial>;
  /** Composes a commit from `from` and runs the checks on it. */
  runOn(
    from: string,
    files: ReadonlyMap<string, FileSource>,
    checks: readonly Check[],
    label: string,
    /** 2 runs them again, even if the first result is known. */
    round?: 1 | 2,
  ): Promise<Trial>;
};

/** `all` holds the checks of the verification, for numbering the logs. */
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

/** Whether two runs at the same time cannot collide: in a port, a database or /tmp. */
export function areApart({ sandbox }: Pick<TrialInput, "sandbox">): boolean {
  return sandbox?.apart === true;
}

function makeQueue() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next.catch(() => {}); // reported to its caller
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
  return withCleanWorktree(input, commit, async (clean) => {
    const place = placeRuns(input, { commit, ...clean });
    const setup = await setUp(input, place, checks, `-${label}`);
    const runs = new Map<string, CheckRun>();
    if (setup && !setup.ok) return { tree, runs, setupFailed: describeSetup(setup), rewritten: [] };
    for (const check of checks) {
      const log = checkLogPath(input.logRoot, all.indexOf(check), check, `-${label}`);
      runs.set(check.name, await runCheck(check, place, log));
    }
    const rewritten = await listRewrittenTests(input.mirror, clean.worktree, commit);
    return { tree, runs, setupFailed: null, rewritten };
  });
}

/** The place of runs in one clean worktree, with their tests named. */
export function placeRuns(
  {
    env,
    mirror,
    onProcess,
    services = [],
    signal,
  }: Pick<TrialInput, "env" | "mirror" | "onProcess" | "services" | "signal">,
  at: Clean & { commit: string },
): CheckPlace {
  return { ...at, env, services, signal, onProcess, nameTests: makeNameTests({ mirror, ...at }) };
}

function describeSetup({ check, run }: Setup): string {
  return `setup does not work there (\`${check.command}\`: ${run.detail})`;
}

/** Returns the change's files as `half` says, for composing a tree from the change. */
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

/** Returns the files of parts, for composing a tree from the base. */
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
