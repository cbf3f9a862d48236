import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Check, TestResults } from "../../core/proof/verdict.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { openTree } from "../change/tree.ts";
import { readCheckText } from "../checks/check-text.ts";
import type { CheckText, Naming, Runner } from "../runners/runner.ts";

/**
 * Makes the runners that a check starts name their tests, in report files besides the normal
 * output. The files lie outside the tree, in a new folder for each run that only this run knows.
 */
export type NamedRun = {
  command: string;
  /** Variables for the run, added to the daemon's. */
  env: Record<string, string>;
  /** Reads the reports, or else the output; null when no runner named anything. */
  read(output: string): Promise<TestResults | null>;
};

export type NameTests = (check: Check) => Promise<NamedRun>;

/** Leaves the command unchanged. */
export const unnamed: NameTests = async ({ command }) => ({
  command,
  env: {},
  read: async () => null,
});

/** For runs in one clean worktree. `reports` is a folder outside it that the runs can write to. */
export function makeNameTests(place: {
  mirror: Mirror;
  commit: string;
  worktree: string;
  reports: string;
}): NameTests {
  return async ({ command }) => {
    // Loaded late: parsers are libraries that a daemon without checks does not need.
    const { findRunners } = await import("../runners/runners.ts");
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
  const { clearTreeReports, readReports } = await import("../runners/read-reports.ts");
  const namings: Naming[] = [];
  const env: Record<string, string> = {};
  let { command } = about;
  for (const runner of runners) {
    const naming = runner.nameTests({ ...about, command }, { folder });
    if (!naming) continue;
    namings.push(naming);
    command = naming.command;
    for (const [name, value] of Object.entries(naming.env)) {
      env[name] = env[name] === undefined || env[name] === value ? value : `${env[name]} ${value}`;
    }
    for (const { name, text } of naming.files) {
      await mkdir(dirname(join(folder, name)), { recursive: true, mode: 0o700 });
      await writeFile(join(folder, name), text);
    }
    await clearTreeReports(naming, worktree);
  }
  const read = async (output: string) => {
    const { mergeResults } = await import("../parsers/merge-results.ts");
    const found: TestResults[] = [];
    const seen = new Set<string>();
    for (const naming of namings) {
      // Two runners may share one reporter.
      const about = JSON.stringify([naming.reports, naming.treeReports]);
      if (seen.has(about)) continue;
      seen.add(about);
      const results = await readReports(naming, { folder, worktree }, output);
      if (results) found.push(results);
    }
    const merged = mergeResults(found);
    if (merged) return merged;
    for (const runner of runners) {
      const results = runner.readOutput(output.replaceAll(`${worktree}/`, ""));
      if (results) return results;
    }
    return null;
  };
  return { command, env, read };
}
