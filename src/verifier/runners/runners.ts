import type { TestResults } from "../../core/verdict.ts";
import { jest } from "./jest.ts";
import { mocha } from "./mocha.ts";
import { nodeTest } from "./node-test.ts";
import { pytest } from "./pytest.ts";
import type { CheckText, Runner } from "./runner.ts";
import { unittest } from "./unittest.ts";
import { vitest } from "./vitest.ts";

/**
 * The test runners that Deputy knows. Those of a check are found by the command and the texts that
 * it leads to; where no text tells (a binary, a script of another place), by what it printed.
 */
export const allRunners: readonly Runner[] = [nodeTest, vitest, jest, mocha, pytest, unittest];

/** What a run of the check on the base said, where there was one. */
export type BaseRun = { output: string; tests: TestResults | null };

/** The runners that a check starts; several in `jest && mocha`. Empty: none that is known. */
export function findRunners(about: CheckText, base: BaseRun | null = null): Runner[] {
  const formats = base?.tests?.format.split(" + ") ?? [];
  // A report of ours says who wrote it, which no text can know better.
  const reported = allRunners.filter(({ name }) => formats.includes(name));
  const read = allRunners.filter((runner) => runner.isUsed(about));
  const found = new Set([...reported, ...read]);
  if (found.size > 0) return [...found];
  return allRunners.filter((runner) => base !== null && runner.recogniseOutput?.(base.output));
}
