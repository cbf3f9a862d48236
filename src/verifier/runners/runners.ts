import type { TestResults } from "../../core/verdict.ts";
import { jest } from "./jest.ts";
import { mocha } from "./mocha.ts";
import { nameByNodeHook } from "./node-hook.ts";
import { nodeTest } from "./node-test.ts";
import { plainScript } from "./plain-script.ts";
import { pytest } from "./pytest.ts";
import type { Canary, CanaryInput, CheckText, Naming, ReportPlace, Runner } from "./runner.ts";
import { smallRunners } from "./small-runners.ts";
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
  plainScript,
];

/** What a run of the check on the base said, where there was one. */
export type BaseRun = { output: string; tests: TestResults | null };

/** The runners that a check starts; several in `jest && mocha`. Empty: none that is known. */
export function findRunners(about: CheckText, base: BaseRun | null = null): Runner[] {
  const formats = base?.tests?.format.split(" + ") ?? [];
  // A report of ours says who wrote it, which no text can know better.
  const reported = allRunners.filter(({ name }) => formats.includes(name));
  const read = allRunners.filter((runner) => runner.isUsed(about));
  const heard = read.some((runner) => runner !== plainScript)
    ? []
    : allRunners.filter((runner) => base !== null && runner.recogniseOutput?.(base.output));
  return [...new Set([...reported, ...heard, ...read])];
}

/**
 * How to have a check name its tests, by all of its runners at once; files and variables of the
 * same name are the same. Where none is known, whatever it starts on Node says what it is.
 */
export function nameTestsOf(
  runners: readonly Runner[],
  about: CheckText,
  place: ReportPlace,
): Naming {
  let naming: Naming = { command: about.command, env: {}, files: [], reports: [] };
  for (const runner of runners) {
    const next = runner.nameTests({ ...about, command: naming.command }, place);
    if (next) naming = joinNamings(naming, next);
  }
  const withNode = nameByNodeHook({ ...about, command: naming.command }, place);
  return naming.reports.some((name) => withNode.reports.includes(name))
    ? naming
    : joinNamings(naming, withNode);
}

function joinNamings(first: Naming, second: Naming): Naming {
  const known = new Set(first.files.map(({ name }) => name));
  return {
    // Runners of the same way to name do so once.
    command: second.reports.some((name) => first.reports.includes(name))
      ? first.command
      : second.command,
    env: { ...first.env, ...second.env },
    files: [...first.files, ...second.files.filter(({ name }) => !known.has(name))],
    reports: [...new Set([...first.reports, ...second.reports])],
  };
}

/**
 * Tests that must fail, by all runners of a check: each sees the tree with those of the ones before
 * it. A script is only asked where no runner has a place. Null: there is none.
 */
export async function placeCanaries(
  runners: readonly Runner[],
  input: CanaryInput,
): Promise<Canary | null> {
  const written = new Map<string, string>();
  const names: string[] = [];
  const read = async (path: string) => written.get(path) ?? input.read(path);
  for (const [index, runner] of runners.entries()) {
    if (runner === plainScript && names.length > 0) continue;
    const canary = await runner.placeCanary({ ...input, read, token: `${input.token}r${index}` });
    for (const { path, text } of canary?.files ?? []) written.set(path, text);
    names.push(...(canary?.names ?? []));
  }
  if (names.length === 0) return null;
  return { files: [...written].map(([path, text]) => ({ path, text })), names };
}
