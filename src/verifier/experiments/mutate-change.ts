import type { CheckResult, CheckRun, Experiment } from "../../core/proof/verdict.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { readText } from "../change/tree.ts";
import type { ChangedSource } from "../mutants/make-mutants.ts";
import { tryMutants } from "../mutants/try-mutants.ts";
import type { SidedFile } from "../sides/sides.ts";
import { splitHunks } from "./split-hunks.ts";
import type { Trials } from "./trials.ts";

/** Puts small faults into the change's source and runs each check, to see if a test notices. */
export async function mutateChange(input: {
  mirror: Mirror;
  commit: string;
  changedFrom: string;
  files: readonly SidedFile[];
  results: readonly CheckResult[];
  trials: Trials;
  mutants: number;
  deadline: number;
}): Promise<Experiment[]> {
  const { changedFrom, commit, deadline, files, mirror, mutants, results, trials } = input;
  if (mutants === 0) return [];
  const sources: ChangedSource[] = [];
  for (const file of files) {
    if (file.side !== "source" || file.status === "deleted") continue;
    const text = await readText(mirror, commit, file.path);
    const base = await readText(mirror, changedFrom, file.from ?? file.path);
    if (text !== null) sources.push({ path: file.path, text, lines: changedLines(base, text) });
  }
  const experiments: Experiment[] = [];
  for (const { check, rerun, run } of results) {
    const found = await tryMutants({
      sources,
      check,
      tree: commit,
      baselineOfChange: rerun ?? run,
      runOn: async (changed) => {
        const texts = new Map(changed.map(({ path, text }) => [path, { text }]));
        const trial = await trials.runOn(commit, texts, [check], "mutant");
        return trial.runs.get(check.name) ?? notRun(rerun ?? run, trial.setupFailed);
      },
      budget: { mutants, until: deadline },
      concurrency: 2,
    });
    if (found) experiments.push(found.experiment);
  }
  return experiments;
}

function changedLines(base: string | null, text: string): number[] {
  return splitHunks(base ?? "", text).flatMap(({ added, line }) =>
    added.map((_, index) => line + index),
  );
}

function notRun(like: CheckRun, why: string | null): CheckRun {
  return { ...like, status: "inconclusive", detail: why ?? "was not run", tests: null };
}
