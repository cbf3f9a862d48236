import type { TestResults } from "../../core/verdict.ts";
import { bats } from "./bats.ts";
import { cProgram } from "./c-program.ts";
import { cargoTest } from "./cargo-test.ts";
import { ctest } from "./ctest.ts";
import { doctest } from "./doctest.ts";
import { goTest } from "./go-test.ts";
import { jest } from "./jest.ts";
import { minitest } from "./minitest.ts";
import { mocha } from "./mocha.ts";
import { nodeTest } from "./node-test.ts";
import { plainScript } from "./plain-script.ts";
import { prove } from "./prove.ts";
import { pytest } from "./pytest.ts";
import { rspec } from "./rspec.ts";
import type { Canary, CanaryInput, CheckText, Runner } from "./runner.ts";
import { smallRunners } from "./small-runners.ts";
import { surefire } from "./surefire.ts";
import { unittest } from "./unittest.ts";
import { vitest } from "./vitest.ts";

/**
 * The test runners that Deputy knows. Those of a check are found by the command and the texts that
 * it leads to; where no text tells (a binary, a script of another place), by what it printed.
 */
export const allRunners: readonly Runner[] = [
  nodeTest,
  vitest,
  jest,
  mocha,
  ...smallRunners,
  pytest,
  unittest,
  goTest,
  cargoTest,
  prove,
  ctest,
  surefire,
  rspec,
  minitest,
  doctest,
  bats,
  cProgram,
  plainScript,
];

/** What a run of the check on the base said, where there was one. */
export type BaseRun = { output: string; tests: TestResults | null };

/**
 * The runners that a check starts; several in `jest && mocha`. Where none is known, whatever it is
 * counts as a plain script, which says so when it starts a runner on Node all the same.
 */
export function findRunners(about: CheckText, base: BaseRun | null = null): Runner[] {
  const formats = base?.tests?.format.split(" + ") ?? [];
  // A report of ours says who wrote it, which no text can know better.
  const reported = allRunners.filter(({ name }) => formats.includes(name));
  const read = allRunners.filter((runner) => runner.isUsed(about));
  const heard =
    reported.length + read.length > 0
      ? []
      : allRunners.filter((runner) => base !== null && runner.recogniseOutput?.(base.output));
  const found = [...new Set([...reported, ...heard, ...read])];
  return found.length > 0 ? found : [plainScript];
}

/**
 * Tests that must fail, by one of the runners of a check: in `jest && mocha` the first that fails
 * keeps the other from running. The one that holds a preferred file comes first, a script last.
 * Null: there is no place.
 */
export async function placeCanaries(
  runners: readonly Runner[],
  input: CanaryInput,
): Promise<Canary | null> {
  let first: Canary | null = null;
  for (const runner of runners) {
    if (runner === plainScript && first) continue;
    const canary = await runner.placeCanary(input);
    if (!canary) continue;
    if (canary.files.some(({ path }) => input.prefer.includes(path))) return canary;
    first ??= canary;
  }
  return first;
}
