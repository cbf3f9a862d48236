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
 * The test runners that Deputy knows. A check's runners are found by its command and the texts that
 * it leads to, or by its output where no text shows them (a binary, a script from elsewhere).
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

/** The check's run on the base, where there was one. */
export type BaseRun = { output: string; tests: TestResults | null };

/**
 * Finds the runners that a check starts; `jest && mocha` has several. An unknown one counts as a
 * plain script, whose report still shows a runner started on Node.
 */
export function findRunners(about: CheckText, base: BaseRun | null = null): Runner[] {
  const formats = base?.tests?.format.split(" + ") ?? [];
  // Our reports name their runner, which is more reliable than any text.
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
 * Places canaries of one of the check's runners: in `jest && mocha` the first failure keeps the
 * other from running. A runner with a preferred file comes first, a script last. Null without a
 * place.
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
