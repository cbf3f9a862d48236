import type { TestResults } from "../../core/proof/verdict.ts";
import { cProgram } from "./native/c-program.ts";
import { cargoTest } from "./native/cargo-test.ts";
import { ctest } from "./native/ctest.ts";
import { goTest } from "./native/go-test.ts";
import { surefire } from "./native/surefire.ts";
import { jest } from "./node/jest.ts";
import { mocha } from "./node/mocha.ts";
import { nodeTest } from "./node/node-test.ts";
import { plainScript } from "./node/plain-script.ts";
import { smallRunners } from "./node/small-runners.ts";
import { vitest } from "./node/vitest.ts";
import { bats } from "./others/bats.ts";
import { minitest } from "./others/minitest.ts";
import { prove } from "./others/prove.ts";
import { rspec } from "./others/rspec.ts";
import { doctest } from "./python/doctest.ts";
import { pytest } from "./python/pytest.ts";
import { unittest } from "./python/unittest.ts";
import type { Canary, CanaryInput, CheckText, Runner } from "./runner.ts";

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
