import { randomUUID } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Check, TestResults } from "../core/verdict.ts";
import { readContainedFile } from "../worktree/contain-path.ts";
import type { Mirror } from "../worktree/open-mirror.ts";
import { openTree, readCheckText } from "./check-text.ts";
import { maxParsedLength } from "./parsers/test-list.ts";
import type { CheckText, Runner } from "./runners/runner.ts";

/**
 * Has the runners that a check starts name their tests, in files beside what people see. They lie
 * outside the tree, in a folder that is new for each run and that this run alone was told of.
 */
export type NamedRun = {
  command: string;
  /** Variables for the run, beside those of the daemon. */
  env: Record<string, string>;
  /** What was reported, or else can be told from the output; null: no runner said anything. */
  read(output: string): Promise<TestResults | null>;
};

export type NameTests = (check: Check) => Promise<NamedRun>;

/** As the command is. */
export const unnamed: NameTests = async ({ command }) => ({
  command,
  env: {},
  read: async () => null,
});

const maxReports = 500;

/** For runs in one clean worktree. `reports`: a folder outside it that they can write. */
export function makeNameTests(place: {
  mirror: Mirror;
  commit: string;
  worktree: string;
  reports: string;
}): NameTests {
  return async ({ command }) => {
    // Parsers are libraries that a daemon without checks does not load.
    const { findRunners } = await import("./runners/runners.ts");
    const about = await readCheckText(await openTree(place.mirror, place.commit), command);
    const runners = findRunners(about);
    if (runners.length === 0) return unnamedRun(command);
    const folder = join(place.reports, randomUUID());
    await mkdir(folder, { mode: 0o700 });
    return nameRun(about, runners, { folder, worktree: place.worktree });
  };
}

const unnamedRun = (command: string): NamedRun => ({
  ...{ command, env: {} },
  read: async () => null,
});

async function nameRun(
  about: CheckText,
  runners: readonly Runner[],
  { folder, worktree }: { folder: string; worktree: string },
): Promise<NamedRun> {
  const reports: string[] = [];
  const env: Record<string, string> = {};
  let { command } = about;
  for (const runner of runners) {
    const naming = runner.nameTests({ ...about, command }, { folder });
    if (!naming) continue;
    command = naming.command;
    for (const [name, value] of Object.entries(naming.env)) {
      env[name] = env[name] === undefined ? value : `${env[name]} ${value}`;
    }
    for (const { name, text } of naming.files) await writeFile(join(folder, name), text);
    reports.push(...naming.reports);
  }
  const read = async (output: string) => {
    const { parseTestResults } = await import("./parse-test-results.ts");
    const found: TestResults[] = [];
    for (const name of await listReports(folder, reports)) {
      const text = await readReport(folder, name);
      const results = text === null ? null : parseTestResults(text, worktree);
      if (results) found.push(results);
    }
    if (found.length > 0) return mergeResults(found);
    for (const runner of runners) {
      const results = runner.readOutput(output.replaceAll(`${worktree}/`, ""));
      if (results) return results;
    }
    return null;
  };
  return { command, env, read };
}

/** The files that `names` mean: a name that ends in `*` stands for all that begin with the rest. */
async function listReports(folder: string, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const there = (await readdir(folder)).sort();
  const isMeant = (file: string) =>
    names.some((name) => (name.endsWith("*") ? file.startsWith(name.slice(0, -1)) : file === name));
  return there.filter(isMeant).slice(0, maxReports);
}

async function readReport(folder: string, name: string): Promise<string | null> {
  try {
    return (await readContainedFile(folder, name, maxParsedLength))?.toString("utf8") ?? null;
  } catch {
    return null; // the run put something else than a file in its place: no report
  }
}

/** Several runners, or several processes of one: together they name what the check ran. */
function mergeResults(all: readonly TestResults[]): TestResults {
  const [first] = all;
  if (all.length === 1 && first) return first;
  const tests: TestResults["tests"] = {};
  for (const each of all) {
    for (const [name, state] of Object.entries(each.tests)) {
      let unique = name;
      for (let count = 2; Object.hasOwn(tests, unique); count++) unique = `${name} (${count})`;
      tests[unique] = state;
    }
  }
  const files = [...new Set(all.flatMap((each) => each.files ?? []))];
  return {
    format: [...new Set(all.map(({ format }) => format))].join(", "),
    listed: all.every(({ listed }) => listed === "all") ? "all" : "some",
    tests,
    ...(files.length > 0 && { files }),
  };
}
