import type { Check, CheckRun, Experiment } from "../../core/proof/verdict.ts";
import { type ChangedSource, type Mutant, makeMutants } from "./make-mutants.ts";

/**
 * Measures how well the tests watch the change: each mutant is checked like the change was. A
 * survivor is a line of the receipt and a hint for the reviewer, never a verdict: an equivalent
 * mutant or an unimportant line looks the same.
 */
export type MutantsInput = {
  /** The change's source lines, without tests and other judges. */
  sources: readonly ChangedSource[];
  check: Check;
  /** The judged commit. */
  tree: string;
  /** The check's run on the change as it is. */
  baselineOfChange: CheckRun;
  /** Runs the check on the change with these files replaced. */
  runOn(files: { path: string; text: string }[]): Promise<CheckRun>;
  budget: {
    mutants: number;
    /** The latest start of a mutant, as `Date.now()` counts. */
    until: number;
  };
  concurrency: number;
};

export type Survivor = { path: string; line: number; before: string; after: string };

export type MutantsResult = {
  noticed: number;
  /** Noticed and surviving mutants; those that did not compile or had no time do not count. */
  total: number;
  survivors: Survivor[];
  experiment: Experiment;
};

type Fate = "noticed" | "survived" | "not tried" | "no time";

/** Null when the change has no line for a fault, or its own run is not usable. */
export async function tryMutants(input: MutantsInput): Promise<MutantsResult | null> {
  const { baselineOfChange, budget, check, concurrency, runOn, tree } = input;
  const mutants = makeMutants(input.sources, budget.mutants);
  if (mutants.length === 0 || !isUsable(baselineOfChange)) return null;
  const startedAt = Date.now();
  const fates = new Map<Mutant, Fate>();
  const queue = [...mutants];
  const work = async () => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      if (Date.now() >= budget.until) {
        fates.set(mutant, "no time");
        continue;
      }
      const run = await runOn([{ path: mutant.path, text: mutant.text }]);
      fates.set(mutant, judgeMutant(run, baselineOfChange));
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, work));
  const of = (fate: Fate) => mutants.filter((mutant) => fates.get(mutant) === fate);
  const survivors = of("survived").map(({ after, before, line, path }) => ({
    path,
    line,
    before,
    after,
  }));
  const noticed = of("noticed").length;
  const total = noticed + survivors.length;
  const says = describeMutants({
    ...{ noticed, total, survivors },
    notTried: of("not tried").length,
    noTime: of("no time").length,
  });
  return {
    ...{ noticed, total, survivors },
    experiment: {
      kind: "mutants",
      check: check.name,
      command: check.command,
      tree,
      result: total > 0 && survivors.length === 0 ? "shown" : "open",
      says,
      durationMs: Date.now() - startedAt,
    },
  };
}

/** A red run that names no passing test cannot become redder. */
function isUsable({ status, tests }: CheckRun): boolean {
  const passed = Object.values(tests?.tests ?? {}).some((state) => state === "passed");
  return status === "green" || (status === "red" && passed);
}

const broken =
  /\b(SyntaxError|IndentationError|TabError|ReferenceError: .* before initialization|error\[E\d+\]|error TS\d+|cannot find symbol|COMPILATION ERROR|build failed|undefined: \w+|declared and not used|imported and not used|undeclared \(first use)|^\S+:\d+:\d+: error:|: syntax error/im;

/** Noticed: a named test passed before and fails now. A mutant that did not load says nothing. */
export function judgeMutant(run: CheckRun, before: CheckRun): Fate {
  if (run.status === "inconclusive")
    return run.detail.startsWith("timed out") ? "noticed" : "not tried";
  const passed = Object.entries(before.tests?.tests ?? {}).filter(
    ([, state]) => state === "passed",
  );
  if (passed.length > 0 && run.tests) {
    const { tests } = run.tests;
    const has = (name: string) => Object.hasOwn(tests, name);
    if (passed.some(([name]) => has(name) && tests[name] === "failed")) return "noticed";
    // None of the tests that ran before ran now: the mutant did not compile.
    if (run.status === "red" && run.tests.listed === "all") {
      const ran = passed.some(([name]) => has(name)) && !broken.test(run.outputTail);
      return ran ? "noticed" : "not tried";
    }
  }
  if (run.status === "green") return before.status === "green" ? "survived" : "noticed";
  if (before.status === "red") return "survived";
  if (passed.length > 0 && !run.tests) return "not tried";
  return broken.test(run.outputTail) ? "not tried" : "noticed";
}

const maxShown = 5;

export function describeMutants(said: {
  noticed: number;
  total: number;
  survivors: readonly Survivor[];
  notTried: number;
  noTime: number;
}): string {
  const { noTime, noticed, notTried, survivors, total } = said;
  const places = survivors.slice(0, maxShown).map(describeSurvivor);
  const more = survivors.length > maxShown ? ` and ${survivors.length - maxShown} more` : "";
  return [
    total === 0 ? "no small fault in the change could be tried" : `${noticed} of ${total} noticed`,
    ...(places.length > 0 ? [`not noticed: ${places.join(", ")}${more}`] : []),
    ...(notTried > 0 ? [`${notTried} did not compile or load`] : []),
    ...(noTime > 0 ? [`no time for ${noTime}`] : []),
  ].join(", ");
}

/** ``src/a.js:14 (`<` became `<=`)``. */
export function describeSurvivor({ after, before, line, path }: Survivor): string {
  const became =
    after === "" || after === ";" || after === "pass" ? "left out" : `became ${quote(after)}`;
  return `${path}:${line} (${quote(before)} ${became})`;
}

function quote(text: string): string {
  const line = text.replace(/\s+/g, " ").replaceAll("`", "'").trim();
  return `\`${line.length > 60 ? `${line.slice(0, 60)}…` : line}\``;
}
